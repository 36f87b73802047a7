"""`reflection up` on servers that cannot be used ends before any service starts: one line for each, with the name of
the setting and the reason, never a password. So does `reflection-job --check`, by itself."""
import concurrent.futures
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "servers"))
import s3  # noqa: E402
import servers  # noqa: E402
from rf_platform import BIN, run_checks  # noqa: E402

PASSWORD = "pass-word-of-a-test"  # of every server here: it must not be told
AT_ONCE = 8  # most of them wait


class Silent:
    """A port that accepts and says nothing, and one that nobody listens on."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(1000)
        self.port = self.socket.getsockname()[1]
        self.closed, = servers.free_ports(1)


class Outside:
    """The real servers, and what is needed to be wrong about each."""

    def __init__(self, folder, bus, sql, store, silent):
        self.folder, self.bus, self.sql, self.store, self.silent = folder, bus, sql, store, silent
        self.right = {"bus": bus.settings["url"], "sql": sql.settings["url"], "store": store.settings["url"]}

    def properties(self, name, password, ca=True):
        path = self.folder / name
        lines = ["security.protocol=sasl_ssl", "sasl.mechanism=PLAIN", f"sasl.username={self.bus.settings['user']}",
                 f"sasl.password={password}"]
        lines += [f"ssl.ca.location={self.bus.settings['ca']}"] if ca else []
        path.write_text("\n".join(lines) + "\n")
        return f"{self.bus.settings['secure_url']}?properties.file={path}"

    def credentials(self, name, secret):
        path = self.folder / name
        s3.write_credentials(path, secret=secret)
        return path


def up(words, data):
    begin = time.monotonic()
    done = subprocess.run([BIN / "reflection", "up", "--data", data, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0",
                           *words], capture_output=True, text=True, timeout=120, check=False)
    return done, time.monotonic() - begin


def is_told(words, wanted):
    """Ends with a line for each (setting, reason) and nothing else."""
    with tempfile.TemporaryDirectory(prefix="rf-", dir="/tmp") as data:
        done, seconds = up(words, data)
        lines = done.stderr.splitlines()
        assert done.returncode == 1, (words, done)
        assert len(lines) == len(wanted), (words, lines)
        for setting, why in wanted:
            assert any(line.startswith(f"reflection: {setting}: ") and why in line for line in lines), (why, lines)
        assert PASSWORD not in done.stderr + done.stdout and "hidden" not in done.stderr, done.stderr
        assert not (pathlib.Path(data) / "run").exists(), "a service was started"
    return seconds


def all_told(cases):
    """Each (flag, URL, reason) alone, some at once; the longest it took."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(is_told, ["--only", "job", f"--{part}", url], [(f"{part}.url", why)])
                for part, url, why in cases]
        return f"{len(cases)} cases, at most {max(run.result() for run in runs):.1f} s"


def a_wrong_database_is_told(o):
    at = f"127.0.0.1:{o.sql.port}"
    url = o.right["sql"]
    return all_told([("sql", f"postgresql://postgres:{PASSWORD}@127.0.0.1:{o.silent.closed}/postgres", "Connection refused"),
                     ("sql", f"postgresql://postgres:{PASSWORD}@127.0.0.1:{o.silent.port}/postgres", "no answer in time"),
                     ("sql", f"postgresql://postgres:hidden@{at}/postgres", "password authentication failed"),
                     ("sql", f"postgresql://{at}/postgres?user=postgres&passfile=/dev/null", "no password supplied"),
                     ("sql", f"postgresql://postgres:{PASSWORD}@{at}/nowhere", 'database "nowhere" does not exist'),
                     ("sql", o.sql.settings["read_only_url"], "read-only transaction"),
                     ("sql", f"{url}?sslmode=require", "server does not support SSL"),
                     ("sql", f"{url}?options=-csearch_path%3Dnowhere", "no schema has been selected"),
                     ("sql", "postgresql://postgres:hidden%zz@127.0.0.1/x", "not a PostgreSQL URL"),
                     ("sql", "mysql://postgres:hidden@127.0.0.1/x", "neither sqlite:PATH nor postgresql://")])


def a_wrong_bus_is_told(o):
    at = f"127.0.0.1:{o.bus.secures[0]}"
    return all_told([("bus", f"kafka://127.0.0.1:{o.silent.closed}", "Connection refused"),
                     ("bus", f"kafka://127.0.0.1:{o.silent.port}", "no broker answers"),
                     ("bus", o.properties("wrong", "hidden"), "Authentication failed"),
                     ("bus", o.properties("strange", PASSWORD, ca=False), "certificate verify failed"),
                     ("bus", f"kafka://{at}", "security.protocol"),
                     ("bus", o.right["bus"] + "&replication.factor=3", "replication.factor"),
                     ("bus", "kafka://nowhere", "brokers are host:port"),
                     ("bus", "amqp://127.0.0.1", "neither local:DIR nor kafka://")])


def a_wrong_object_store_is_told(o):
    settings = o.store.settings

    def url(bucket=settings["bucket"], endpoint=settings["endpoint"], credentials=settings["credentials"]):
        return f"s3://{bucket}?endpoint={endpoint}&credentials={credentials}"

    return all_told([("store", url(bucket="no-such-bucket"), "there is no such bucket"),
                     ("store", url(credentials=o.credentials("bad", "hidden")), "the credentials are refused"),
                     ("store", url(endpoint=f"http://127.0.0.1:{o.silent.closed}"), "cannot be reached"),
                     ("store", url(endpoint=f"http://127.0.0.1:{o.silent.port}"), "too slow, or silent"),
                     ("store", url(endpoint="nowhere"), "endpoint"),
                     ("store", "ftp://127.0.0.1/x", "neither dir:PATH nor s3://")])


def all_that_is_wrong_is_told_once(o):
    """Every service looks, and several find the same."""
    seconds = is_told(["--sql", f"postgresql://127.0.0.1:{o.silent.closed}/x", "--store", "s3://x?endpoint=nowhere",
                       "--bus", f"kafka://127.0.0.1:{o.silent.closed}"],
                      [("sql.url", "Connection refused"), ("store.url", ""), ("bus.url", "Connection refused")])
    return f"{seconds:.1f} s"


def job_check(o, *words, **environment):
    """As an init container runs it: settings as arguments or in the environment."""
    return subprocess.run([BIN / "reflection-job", "--check", *words], capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, **environment}, cwd=o.folder)


def what_works_passes_silently(o):
    for _ in range(2):  # topics are missing at first
        done = job_check(o, *(f"--{part}.url={url}" for part, url in o.right.items()))
        assert (done.returncode, done.stdout) == (0, ""), done
    done = job_check(o, REFLECTION_JOB_BUS_URL=o.properties("right", PASSWORD))
    assert (done.returncode, done.stdout) == (0, ""), done
    assert o.sql.run("SELECT count(*) FROM pg_tables WHERE schemaname='public'") == "0", "a check makes no tables"
    assert not any(p.is_file() for p in pathlib.Path(o.store.settings["data"]).rglob("*") if ".sgwtmp" not in p.parts)


def a_check_from_the_environment_tells_too(o):
    done = job_check(o, REFLECTION_JOB_SQL_URL=f"postgresql://postgres:hidden@127.0.0.1:{o.sql.port}/postgres")
    assert done.returncode == 1 and done.stdout.startswith("sql.url: ") and "hidden" not in done.stdout, done


def main():
    silent = Silent()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rf-", dir="/tmp")))
        sql = stack.enter_context(servers.running("postgres", {"password": PASSWORD, "fsync": "off"}))
        store = stack.enter_context(servers.running("s3", {}))
        bus = stack.enter_context(servers.running("kafka", {"secure": "1"}))
        # What works comes last: it makes the topics, after which nobody needs to be able to.
        code = run_checks([a_wrong_database_is_told, a_wrong_bus_is_told, a_wrong_object_store_is_told,
                           all_that_is_wrong_is_told_once, a_check_from_the_environment_tells_too,
                           what_works_passes_silently], Outside(folder, bus, sql, store, silent))
    sys.exit(code)


if __name__ == "__main__":
    main()
