"""A platform of a test's own with the jam service, and what its processes show of themselves."""
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

BIN = pathlib.Path(os.environ.get("REFLECTION_BIN", "build/release/bin"))
LONG = os.environ.get("REFLECTION_LONG") == "1"
SKIPPED = 77
READY_S = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(check, seconds, what):
    """The first true answer of a check. Counts its own sleeps, so that a machine that stands still for
    a while costs no patience."""
    for _ in range(int(seconds / 0.05)):
        answer = check()
        if answer:
            return answer
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not come within {seconds} s")


class Platform:
    """`reflection up` in a folder of its own; use as a context, so that it always ends."""

    def __init__(self, *settings, environment=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="reflection-jam-"))
        self.ready_file = self.root / "ready.json"
        command = [BIN / "reflection", "up", "--data", self.root / "data", "--http", "127.0.0.1:0",
                   "--https", "127.0.0.1:0", "--ready-file", self.ready_file]
        for setting in settings:
            command += ["--set", setting]
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(environment or {})})
        try:
            wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, READY_S,
                       "the ready file")
            self.ready = json.loads(self.ready_file.read_text())
        except BaseException:
            self.tell_log()
            self.close()
            raise
        self.key = self.ready["api_key"]
        self.ca_file = self.ready["ca_file"]
        self.http = self.ready["http_url"]
        address = urllib.parse.urlsplit(self.http)
        self.host, self.port = address.hostname, address.port
        self.ws = self.http.replace("http", "ws", 1) + "/ws/jam"
        self.wss = self.ready["https_url"].replace("http", "ws", 1) + "/ws/jam"
        # The gateway answers this once it has found the service, which it may not have done yet.
        wait_until(lambda: self.call("GET", "/health")[0] == 200, READY_S, "the jam service")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.tell_log()
        self.close()

    def tell_log(self):
        text = (self.root / "log").read_text(errors="replace")
        sys.stderr.write("".join(text.splitlines(True)[-60:]))

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def call(self, method, path, body=None, key=None, timeout=120):
        """Status, headers and body of one answer, whatever the status."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.http + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, method, path, body=None):
        status, _, data = self.call(method, path, body)
        assert status == 200, f"{method} {path}: {status} {data[:300]}"
        return json.loads(data)

    def render(self, params, seconds, controls=()):
        """The file of POST /v1/jam/render."""
        status, _, data = self.call("POST", "/v1/jam/render", {
            "params": params, "seconds": seconds, "controls": list(controls)}, timeout=600)
        assert status == 200, f"POST /v1/jam/render: {status} {data[:300]}"
        return data

    def pid_of(self, service):
        """The process of a service now: a child of the supervisor; None while it is down."""
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children"
                                  ).read_text().split():
            try:
                words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if words[0].decode().endswith(f"/reflection-{service}"):
                    return int(child)
            except OSError:
                continue
        return None

    def internal(self, service):
        """The internal address of a service now; the log has it after a restart."""
        found = re.findall(rf"service={service} event=ready internal=(\S+)".encode(),
                           (self.root / "log").read_bytes())
        return found[-1].decode() if found else self.ready["internal"][service]

    def metrics(self, service="jam"):
        """All samples of a service: name with labels -> value."""
        with urllib.request.urlopen(self.internal(service) + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines if line and not line.startswith("#")}

    def metric(self, name, service="jam"):
        """The sum over a metric's labels; 0 when it was never counted."""
        return sum(v for k, v in self.metrics(service).items() if k.split("{")[0] == name)


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def cpu_s(pid):
    """Processor time that a process has spent, all threads, those that ended included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_checks(checks, *arguments):
    """Calls every check, whatever became of those before; tells and returns the exit code."""
    failed = 0
    for check in checks:
        begin = time.monotonic()
        try:
            told = check(*arguments)
            print(f"ok    {check.__name__} ({time.monotonic() - begin:.1f} s)"
                  f"{': ' + told if told else ''}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL  {check.__name__}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


def in_loop(check):
    """A check that is a coroutine, as one that is called."""
    def run(*arguments):
        return asyncio.run(check(*arguments))
    run.__name__ = check.__name__
    return run
