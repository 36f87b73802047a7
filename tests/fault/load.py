"""What tests that hurt a platform share: jobs that keep coming, and what must hold of its services meanwhile."""
import concurrent.futures
import pathlib
import threading
import time
import urllib.request

SUBMITTERS = 4
SERVICES = ("gateway", "job", "processor", "recorder", "jam")
PATIENCE_S = 240
SETTINGS = [f"workflows.extra_dir={pathlib.Path(__file__).resolve().parent}/workflows",
            "rate.requests_per_second=100000", "rate.burst=100000", "rate.poll_per_second=100000",
            "job.concurrency=1000", "lease.grace_ms=2000"]


class Load:
    """Submits no-op jobs for as long as it lasts; what was accepted, and every other answer with its time.

    pause_s: of each of the submitters between two jobs."""

    def __init__(self, platform, pause_s=0.01):
        self.platform, self.pause_s = platform, pause_s
        self.accepted, self.refused = [], []
        self.over = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(SUBMITTERS)
        self.runs = [self.pool.submit(self.run) for _ in range(SUBMITTERS)]

    def run(self):
        body = {"name": "job", "workflow": "fault/noop", "params": {"text": "x"}}
        while not self.over.is_set():
            begin = time.monotonic()
            status, headers, data = self.platform.call("POST", "/v1/job", body)
            if status == 200:
                self.accepted.append(data.split(b'"')[3].decode())
            else:
                self.refused.append((status, headers.get("Retry-After"), time.monotonic() - begin))
                time.sleep(0.2)
            time.sleep(self.pause_s)

    def end(self):
        self.over.set()
        for run in self.runs:
            run.result(PATIENCE_S)
        self.pool.shutdown()

    def only_unavailable(self):
        """What was refused was so as the contract says: 503, to be tried again after 5 s."""
        for status, retry_after, _ in self.refused:
            assert (status, retry_after) == (503, "5"), (status, retry_after)


def pids(platform, services=SERVICES):
    return {service: platform.pid_of(service) for service in services}


def healthy(platform, services=SERVICES):
    for service in services:
        with urllib.request.urlopen(platform.internal(service) + "/healthz", timeout=30) as answer:
            assert answer.status == 200, service
