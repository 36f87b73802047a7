"""A whole platform of a test's own: `reflection up` in a folder that goes with it.

It runs on one of the columns of design.md: "local" (embedded bus, SQLite, a directory) or "cluster"
(real Kafka, PostgreSQL and S3, which it starts beside itself), by REFLECTION_ON where the test does
not say.
"""
import asyncio
import importlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

import servers

BIN = pathlib.Path(os.environ.get("REFLECTION_BIN", servers.ROOT / "build" / "release" / "bin"))
LONG = os.environ.get("REFLECTION_LONG") == "1"
SKIPPED = 77
READY_S = 90
# The part of the platform, its flag, and the kind of server that it is on the cluster.
PARTS = {"bus": "kafka", "sql": "postgres", "store": "s3"}


def wait_until(check, seconds, what, step=0.05):
    """The first true answer of a check. Counts its own sleeps, so that a machine that stands still for
    a while costs no patience."""
    for _ in range(int(seconds / step)):
        answer = check()
        if answer:
            return answer
        time.sleep(step)
    raise TimeoutError(f"{what} did not come within {seconds} s")


class Cluster:
    """The servers of the cluster column by part ("bus", "sql", "store"), each in a folder of its own."""

    def __init__(self, root):
        kinds = {part: importlib.import_module(kind) for part, kind in PARTS.items()}
        for kind in kinds.values():
            if kind.missing():
                print(f"SKIPPED: {kind.missing()}", flush=True)
                sys.exit(SKIPPED)
        self.parts = {}
        try:
            for part, kind in kinds.items():
                folder = root / PARTS[part]
                folder.mkdir()
                folder.chmod(0o755)
                self.parts[part] = kind.Server(folder)
                self.parts[part].start()
        except BaseException:
            self.stop()
            raise

    def words(self):
        return [word for part, server in self.parts.items() for word in (f"--{part}", server.settings["url"])]

    def stop(self):
        for server in self.parts.values():
            server.stop()


class Platform:
    """`reflection up` with the settings NAME=VALUE; a context, so that it always ends. given: its data in a
    folder of the caller's, who keeps it.

    root (a folder), data, ready (what --ready-file says), key, http and https (URLs), address and secure
    (their host:port), ca_file, process; servers: those of the cluster by part, {} on the local column."""

    def __init__(self, *settings, environment=None, only=None, on=None, given=None):
        # Short, since sockets lie in it, and open to the users that servers drop to.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
        self.root.chmod(0o755)
        self.data = given or self.root / "data"
        self.ready_file = self.root / "ready.json"
        self.out = open(self.root / "out", "ab")  # has the key that a person is told
        self.log = open(self.root / "log", "ab")
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.cluster = None
        try:
            if (on or os.environ.get("REFLECTION_ON", "local")) == "cluster":
                self.cluster = Cluster(self.root)
            self.servers = self.cluster.parts if self.cluster else {}
            self.command = [BIN / "reflection", "up", "--data", self.data, "--http", "127.0.0.1:0", "--https",
                            "127.0.0.1:0", "--ready-file", self.ready_file,
                            *(self.cluster.words() if self.cluster else []), *(["--only", only] if only else []),
                            *(word for setting in settings for word in ("--set", setting))]
            self.start()
        except BaseException:
            self.tell_log()
            self.close()
            raise

    def start(self):
        """Starts it, again after stop()."""
        self.ready_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.log,
                                        env=self.environment)
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, READY_S, "the ready file")
        if self.process.poll() is not None:
            raise RuntimeError(f"the platform ended with {self.process.returncode} before it was ready")
        self.ready = json.loads(self.ready_file.read_text())
        self.key, self.ca_file = self.ready["api_key"], self.ready["ca_file"]
        self.http, self.https = self.ready["http_url"], self.ready["https_url"]
        self.address, self.secure = (urllib.parse.urlsplit(url).netloc for url in (self.http, self.https))

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.stop()
        if self.cluster:
            self.cluster.stop()
        self.out.close()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind not in (None, SystemExit):
            self.tell_log()
        self.close()

    def tell_log(self, lines=60):
        text = (self.root / "log").read_text(errors="replace")
        sys.stderr.write("".join(text.splitlines(True)[-lines:]))

    def has_logged(self, words):
        return words.encode() in (self.root / "log").read_bytes()

    # What its processes show of themselves.

    def pid_of(self, service):
        """The process of a service now: a child of the supervisor; None while it is down."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split():
            try:
                words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if words[0].decode().endswith(f"/reflection-{service}"):
                    return int(child)
            except OSError:
                continue
        return None

    def internal(self, service):
        """The internal address of a service now; the log has it after a restart."""
        found = re.findall(rf"service={service} event=ready internal=(\S+)".encode(), (self.root / "log").read_bytes())
        return found[-1].decode() if found else self.ready["internal"][service]

    def metrics(self, service):
        """All samples of a service: name with labels -> value."""
        with urllib.request.urlopen(self.internal(service) + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines if line and not line.startswith("#")}

    def metric(self, name, service):
        """The sum over a metric's labels; 0 when it was never counted."""
        return sum(v for k, v in self.metrics(service).items() if k.split("{")[0] == name)

    # What a client does.

    def call(self, method, path, body=None, headers=None, key=None, timeout=120):
        """Status, headers and body of one answer, whatever the status; body: JSON or bytes."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.http + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, method, path, body=None, **more):
        status, _, data = self.call(method, path, body, **more)
        assert 200 <= status < 300, f"{method} {path}: {status} {data[:300]}"
        return json.loads(data)

    def client(self):
        """The environment in which a client finds it, over TLS."""
        return {"REFLECTION_URL": self.https, "REFLECTION_API_KEY": self.key, "REFLECTION_CA_FILE": self.ca_file}


def run_checks(checks, *arguments):
    """Calls every check, a coroutine too, whatever became of those before; tells and returns the exit code."""
    failed = 0
    for check in checks:
        begin = time.monotonic()
        try:
            told = asyncio.run(check(*arguments)) if asyncio.iscoroutinefunction(check) else check(*arguments)
            print(f"ok    {check.__name__} ({time.monotonic() - begin:.1f} s){': ' + told if told else ''}", flush=True)
        except Exception as error:
            failed += 1
            traceback.print_exc()
            print(f"FAIL  {check.__name__}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0
