"""A platform of a test's own with the jam service, and what its processes show of themselves."""
import os
import pathlib
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "servers"))
import rf_platform  # noqa: E402
from rf_platform import BIN, LONG, READY_S, SKIPPED, run_checks, wait_until  # noqa: E402,F401


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Platform(rf_platform.Platform):
    """A platform whose gateway has found the jam service."""

    def __init__(self, *settings, environment=None):
        super().__init__(*settings, environment=environment)
        address = urllib.parse.urlsplit(self.http)
        self.host, self.port = address.hostname, address.port
        self.ws = self.http.replace("http", "ws", 1) + "/ws/jam"
        self.wss = self.https.replace("http", "ws", 1) + "/ws/jam"
        # The gateway answers this once it has found the service, which it may not have done yet.
        try:
            wait_until(lambda: self.call("GET", "/health")[0] == 200, READY_S, "the jam service")
        except BaseException:
            self.tell_log()
            self.close()
            raise

    def render(self, params, seconds, controls=()):
        """The file of POST /v1/jam/render."""
        status, _, data = self.call("POST", "/v1/jam/render", {
            "params": params, "seconds": seconds, "controls": list(controls)}, timeout=600)
        assert status == 200, f"POST /v1/jam/render: {status} {data[:300]}"
        return data

    def metrics(self, service="jam"):
        return super().metrics(service)

    def metric(self, name, service="jam"):
        return super().metric(name, service)


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def cpu_s(pid):
    """Processor time that a process has spent, all threads, those that ended included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
