"""Kills workers, job service and gateway with SIGKILL at random while jobs run, then looks at what
is left: every accepted job final exactly once, none lost, none doubled, no orphan file after the
sweep, and stale writes refused (counted).

50 kills over 20,000 jobs (with files and without) on the embedded parts, 30 over 4,000 on the cluster
(REFLECTION_ON); with REFLECTION_LONG=1 1,000 kills over 1,000,000 no-op jobs, shared out over platforms side by
side, because a supervisor's back-off paces the kills of its services. FAULT_SEED repeats a run's choices."""
import concurrent.futures
import http.client
import io
import json
import os
import pathlib
import random
import signal
import sqlite3
import sys
import threading
import time
import urllib.parse
import uuid
import wave

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))
import rf_platform  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

CLUSTER = os.environ.get("REFLECTION_ON") == "cluster"
PLATFORMS = 5 if LONG else 1
# Of one platform.
JOBS = 1_000_000 // PLATFORMS if LONG else 4_000 if CLUSTER else 20_000
KILLS = 1_000 // PLATFORMS if LONG else 30 if CLUSTER else 50
FILE_JOBS = 0 if LONG else 400
SUBMITTERS = 6 if LONG else 16
# Jobs come while services die, not before.
PACE_S = 0.05 if LONG else 0.2 if CLUSTER else 0.06
BATCH = 10_000  # jobs that wait in this program's memory
PATIENCE_S = 3 * 3600 if LONG else 240
LEASE_MS = 4000
FREEZE_JOBS = 400
SETTINGS = [
    f"workflows.extra_dir={HERE}/workflows", "rate.requests_per_second=1000000",
    "rate.burst=1000000", "rate.poll_per_second=1000000", "job.queued_max=1000000",
    "job.concurrency=1000",
    f"lease.length_ms={LEASE_MS}", "lease.heartbeat_ms=500", "lease.scan_ms=200",
    "lease.grace_ms=2000", "lease.silent_ms=3000", "sweep.period_s=1", "sweep.orphan_age_s=5",
    "sweep.orphan_period_s=1",
]
SERVICES = ("job", "gateway", "processor")


class Platform(rf_platform.Platform):
    """Asked again and again, whatever happens to the gateway meanwhile."""

    def request(self, method, path, body=None, headers=None):
        """One answer with any status but those of a service that is away."""
        end = time.monotonic() + PATIENCE_S
        sent = {"Authorization": self.key, **(headers or {})}
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        while True:
            try:
                connection = connection_of(self.address)
                connection.request(method, path, body, sent)
                answer = connection.getresponse()
                data = answer.read()
                # 408: a machine that stood still is too slow a client.
                if answer.status not in (408, 500, 502, 503, 504):
                    return answer.status, data
            except (OSError, http.client.HTTPException):
                drop_connection()
            if time.monotonic() > end:
                raise TimeoutError(f"{method} {path} got no answer")
            time.sleep(0.05)

    def json(self, method, path, body=None, headers=None):
        status, data = self.request(method, path, None if body is None else json.dumps(body),
                                    headers)
        assert status == 200, f"{method} {path}: {status} {data[:300]}"
        return json.loads(data)

    def count(self, *states):
        """How many jobs are in these states, by pages."""
        query = "&".join(f"status={s}" for s in states)
        total = 0
        page = 0
        while True:
            n = len(self.json("GET", f"/v1/job?{query}&size=1000&page={page}"))
            total += n
            page += 1
            if n < 1000:
                return total


local = threading.local()


def connection_of(address):
    if getattr(local, "connection", None) is None:
        local.connection = http.client.HTTPConnection(address, timeout=30)
    return local.connection


def drop_connection():
    if getattr(local, "connection", None) is not None:
        local.connection.close()
        local.connection = None


def tone():
    """A fifth of a second of WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(b"".join((1000 * (i % 40 - 20)).to_bytes(2, "little", signed=True)
                               for i in range(1600)))
    return out.getvalue()


def upload(platform, data):
    """Until an upload URL took the bytes: a PUT that was cut off by a kill leaves it usable or used."""
    while True:
        urls = platform.json("GET", "/v1/upload")
        put = urllib.parse.urlsplit(urls["uploadUrl"])
        status, _ = platform.request("PUT", f"{put.path}?{put.query}", data,
                                     {"Content-Type": "audio/wav"})
        if status == 200:
            return urls["downloadUrl"]


def body_of(number, url):
    if number < FILE_JOBS // 2:
        return {"name": f"convert {number}", "workflow": "reflection/convert",
                "params": {"inputUrl": url, "format": "flac"}}
    if number < FILE_JOBS:
        return {"name": f"copy {number}", "workflow": "sdk-test", "params": {"file": url}}
    return {"name": f"noop {number}", "workflow": "fault/noop", "params": {"text": str(number)}}


def submit(platform, number, url, pause_s=0.0):
    time.sleep(pause_s)
    return platform.json("POST", "/v1/job", body_of(number, url),
                         {"Idempotency-Key": f"fault-{number}"})["id"]


class Killer(threading.Thread):
    """Kills a service at random every now and then, but lets each one come up in between."""

    def __init__(self, platform, rng):
        super().__init__(daemon=True)
        self.platform = platform
        self.rng = rng
        self.kills = dict.fromkeys(SERVICES, 0)
        self.stop = threading.Event()

    def run(self):
        while sum(self.kills.values()) < KILLS and not self.stop.wait(self.rng.uniform(0.1, 1.0)):
            service = self.rng.choice(SERVICES)
            pid = self.platform.pid_of(service)
            if pid is not None:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.kills[service] += 1
                except ProcessLookupError:
                    pass


def fenced(platform):
    """The counter of the job service that runs now; 0 while none does."""
    try:
        return platform.metric("reflection_job_fenced_writes_total", "job")
    except OSError:
        return 0


def freeze_a_worker(platform, start_number, url):
    """Holds the worker beyond its lease while it has jobs: what it reports afterwards is stale.
    Returns how many jobs that took and how many writes were refused."""
    made = 0
    for _ in range(20):
        wait_until(lambda: platform.pid_of("processor"), 30, "a worker")
        before = fenced(platform)
        pid = platform.pid_of("processor")
        # Jobs keep coming while it stops, so that it has some in hand at that moment.
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for number in range(made, made + FREEZE_JOBS):
                pool.submit(submit, platform, start_number + number, url)
            time.sleep(random.uniform(0.03, 0.1))
            os.kill(pid, signal.SIGSTOP)
        made += FREEZE_JOBS
        time.sleep(LEASE_MS / 1000 + 1)
        os.kill(pid, signal.SIGCONT)
        for _ in range(20):
            time.sleep(0.1)
            refused = fenced(platform) - before
            if refused > 0:
                return made, refused
    return made, 0


def objects_on_disk(platform):
    """The keys of all objects, as files below the store's folder: that of the platform, or of the S3 server."""
    store = platform.servers.get("store")
    root = pathlib.Path(store.settings["data"]) if store else platform.data / "objects"
    return {str(p.relative_to(root)) for p in root.rglob("*")
            if p.is_file() and not any(part.startswith(".") for part in p.relative_to(root).parts)}


def column(platform, sql):
    """The first column of what a query of the job store gives, as text."""
    if "sql" in platform.servers:
        return platform.servers["sql"].run(sql).splitlines()
    db = sqlite3.connect(f"file:{platform.data}/job/job.db?mode=ro", uri=True)
    try:
        return [str(value) for (value,) in db.execute(sql)]
    finally:
        db.close()


def referenced(platform):
    return {key for table in ("results", "uploads", "inputs", "steps") for key in column(
        platform, f"SELECT object_key FROM {table} WHERE object_key IS NOT NULL")}


def check_database(platform, expected):
    """The store's own view: one row a job, one attempt that was DONE for each success."""
    one = lambda sql: int(column(platform, sql)[0])
    assert one("SELECT count(*) FROM jobs") == expected, "jobs were lost or doubled"
    assert one("SELECT count(*) FROM jobs WHERE state NOT IN (3, 4)") == 0
    assert one("SELECT count(*) FROM leases") == 0
    assert one("SELECT count(*) FROM ready") == 0
    doubled = one("SELECT count(*) FROM (SELECT job FROM attempts WHERE state=3 GROUP BY job"
                  " HAVING count(*)>1) AS doubled")
    assert doubled == 0, f"{doubled} jobs succeeded twice"
    missing = one("SELECT count(*) FROM jobs j WHERE state=3 AND"
                  " (SELECT count(*) FROM results r WHERE r.job=j.seq)<>1")
    assert missing == 0, f"{missing} jobs have no result or two"
    return one("SELECT count(*) FROM attempts")


def check_results(platform, ids):
    """Every file can be fetched, every failure has a code that a kill explains."""
    failed = 0
    for number, job_id in enumerate(ids[:FILE_JOBS]):
        job = platform.json("GET", f"/v1/job/{job_id}")
        if job["status"] == "FAILED":
            assert job["error"]["code"] == "INTERNAL_ERROR", job
            failed += 1
            continue
        url = urllib.parse.urlsplit(next(iter(job["result"].values())))
        status, data = platform.request("GET", f"{url.path}?{url.query}")
        assert status == 200 and data, f"job {number}: {status}"
    return failed


def run(platform, rng):
    """Returns what happened: kills, jobs, attempts, stale writes refused, file jobs that failed."""
    url = upload(platform, tone())
    killer = Killer(platform, rng)
    start = time.monotonic()
    killer.start()
    with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
        ids = []
        for first in range(0, JOBS, BATCH):
            ids += pool.map(lambda n: submit(platform, n, url, PACE_S * rng.random()),
                            range(first, min(first + BATCH, JOBS)))
    print(f"{len(ids)} jobs accepted after {time.monotonic() - start:.1f} s", flush=True)
    while killer.is_alive() and platform.count("QUEUED", "STARTED") > 0:
        time.sleep(0.5)
    if LONG:
        killer.join()
    killer.stop.set()
    killer.join()
    print(f"kills: {killer.kills}", flush=True)
    wait_until(lambda: platform.count("QUEUED", "STARTED") == 0, PATIENCE_S, "the end of all jobs")
    print(f"all final after {time.monotonic() - start:.1f} s", flush=True)
    assert len(set(ids)) == JOBS, "two requests got one job"
    assert min(killer.kills.values()) > 0, "not every service was killed"

    more, refused = freeze_a_worker(platform, JOBS, url)
    assert refused > 0, "no stale write was seen"
    wait_until(lambda: platform.count("QUEUED", "STARTED") == 0, PATIENCE_S, "the end of all jobs")
    # A repeat of every request, with the key it had, makes no new job.
    with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
        again = list(pool.map(lambda n: submit(platform, n, url), range(0, JOBS, 10)))
    assert again == ids[::10]
    failed = check_results(platform, ids)
    attempts = check_database(platform, JOBS + more)
    wait_until(lambda: not column(platform, "SELECT 1 FROM packs LIMIT 1"), 60, "the outbox's end")
    wait_until(lambda: objects_on_disk(platform) <= referenced(platform), 60, "the sweep")
    assert referenced(platform) <= objects_on_disk(platform), "a file is missing"
    return sum(killer.kills.values()), JOBS + more, attempts, int(refused), failed


def run_one(seed):
    with Platform(*SETTINGS) as platform:
        return run(platform, random.Random(seed))


def main():
    seed = int(os.environ.get("FAULT_SEED", uuid.uuid4().int % 1_000_000))
    print(f"seed {seed}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(PLATFORMS) as pool:
        results = list(pool.map(run_one, range(seed, seed + PLATFORMS)))
    kills, jobs, attempts, refused, failed = (sum(column) for column in zip(*results))
    print(f"{kills} kills, {jobs} jobs, {attempts} attempts, {refused} stale writes refused, {failed}"
          f" file jobs out of retries, 0 lost, 0 doubled, 0 orphans", flush=True)


if __name__ == "__main__":
    main()
