"""A platform whose PostgreSQL stands still (every process of it stopped) under load: each POST /v1/job is answered
503 within a second (spec jobs.md 2.2), what was accepted is done, once, and it all goes on without a restart."""
import concurrent.futures
import pathlib
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS / "servers"))
import rf_platform  # noqa: E402
import servers  # noqa: E402
from rf_platform import wait_until  # noqa: E402

STILL_S = 5
PROMPT_S = 3  # what the contract calls a second, on a busy machine
SUBMITTERS = 6
PATIENCE_S = 120
SERVICES = ("gateway", "job", "processor")
SETTINGS = [f"workflows.extra_dir={TESTS}/fault/workflows", "rate.requests_per_second=100000", "rate.burst=100000",
            "job.concurrency=1000", "lease.length_ms=4000", "lease.heartbeat_ms=500", "lease.scan_ms=500",
            "lease.grace_ms=3000"]


class Load:
    """Submits jobs of names of their own: every other submitter once each, the rest with an Idempotency-Key, again
    until it is accepted."""

    def __init__(self, platform):
        self.platform = platform
        self.answers = []  # name, keyed, status, Retry-After, seconds
        self.over = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(SUBMITTERS)
        self.runs = [self.pool.submit(self.run, n) for n in range(SUBMITTERS)]

    def post(self, name, key):
        begin = time.monotonic()
        status, headers, _ = self.platform.call(
            "POST", "/v1/job", {"name": name, "workflow": "fault/noop", "params": {"text": "x"}},
            {"Idempotency-Key": key} if key else None)
        self.answers.append((name, bool(key), status, headers.get("Retry-After"), time.monotonic() - begin))
        time.sleep(0.02 if status == 200 else 0.2)
        return status == 200

    def run(self, number):
        n = 0
        while not self.over.is_set():
            n += 1
            key = str(uuid.uuid4()) if number % 2 else None
            while not self.post(f"{number}-{n}", key) and key:
                pass

    def accepted(self):
        return sum(status == 200 for _, _, status, _, _ in self.answers)

    def end(self):
        self.over.set()
        for run in self.runs:
            run.result(PATIENCE_S)
        self.pool.shutdown()


def under_load(p, sql):
    """The load, before, while and after the database stood still."""
    load = Load(p)
    try:
        wait_until(lambda: load.accepted() > 60, PATIENCE_S, "jobs before")
        sql.pause()
        try:
            time.sleep(STILL_S)
        finally:
            sql.resume()
        n = load.accepted()
        wait_until(lambda: load.accepted() > n + 60, PATIENCE_S, "jobs afterwards")
    finally:
        load.end()
    return load


def all_final(p):
    def unfinished():
        return sum(len(p.json("GET", f"/v1/job?status={status}&size=1000")) for status in ("QUEUED", "STARTED"))
    wait_until(lambda: unfinished() == 0, PATIENCE_S, "the end of all jobs", step=0.3)


def a_database_that_stands_still(p, sql):
    pids = {service: p.pid_of(service) for service in SERVICES}
    load = under_load(p, sql)
    refused = [answer for answer in load.answers if answer[2] != 200]
    assert refused, "nothing was refused"
    assert all(answer[2:4] == (503, "5") for answer in refused), refused
    slowest = max(answer[4] for answer in load.answers)
    assert slowest < PROMPT_S, f"{slowest:.2f} s"
    all_final(p)
    rows = [row.split("|") for row in sql.run("SELECT name, state FROM jobs").splitlines()]
    names = [name for name, _ in rows]
    assert len(set(names)) == len(names), "a job was made twice"
    assert all(state == "3" for _, state in rows), "a job did not succeed"
    missing = {name for name, _, status, _, _ in load.answers if status == 200} - set(names)
    assert not missing, f"{len(missing)} accepted jobs are lost"
    assert sql.run("SELECT count(*) FROM (SELECT job FROM attempts WHERE state=3 GROUP BY job HAVING count(*)>1)"
                   " AS doubled") == "0", "a job succeeded twice"
    assert {service: p.pid_of(service) for service in SERVICES} == pids, "a service was started again"
    return f"{len(names)} jobs, {len(refused)} refused, the slowest answer after {slowest:.2f} s"


def main():
    with servers.running("postgres", {"fsync": "off"}) as sql:
        with rf_platform.Platform(f"sql.url={sql.settings['url']}", *SETTINGS, only="gateway,job,processor",
                                  on="local") as platform:
            code = rf_platform.run_checks([a_database_that_stands_still], platform, sql)
            if code:
                platform.tell_log(200)
    sys.exit(code)


if __name__ == "__main__":
    main()
