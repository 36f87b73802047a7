"""A platform on SQLite and a folder while its disk is full, fails to write or fails to sync: what cannot be kept
is refused clearly, what was acknowledged stays, nothing is broken, and all goes on once the disk is well, by
the same processes.

A full disk is a small file system of its own (where it may not be mounted, writes fail as on one); the other
faults come from disk_layer.c, preloaded into every process. With REFLECTION_LONG=1 a fault lasts 60 s instead
of 3 s, and a result that finds no room is tried to the end."""
import ctypes
import errno
import io
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.parse
import wave

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))
import rf_platform  # noqa: E402
from load import PATIENCE_S, SETTINGS, Load, healthy, pids  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

FAULT_S = 60 if LONG else 3
LAYER = rf_platform.BIN.parent / "tests" / "fault_disk_layer.so"
SIZES = {"data": "256m", "objects": "8m"}
LIBC = ctypes.CDLL(None, use_errno=True)
SUCCEEDED = 3


class Disk:
    """The folders of a platform, "data" and "objects", and what is wrong with them."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
        self.orders = self.root / "orders"
        self.mounted = []
        for name, size in SIZES.items():
            folder = self.root / name
            folder.mkdir()
            if LIBC.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, f"size={size}".encode()) == 0:
                self.mounted.append(folder)

    def close(self):
        for folder in self.mounted:
            LIBC.umount2(bytes(folder), 2)  # MNT_DETACH
        shutil.rmtree(self.root, ignore_errors=True)

    def environment(self):
        return {"LD_PRELOAD": str(LAYER), "REFLECTION_DISK_ROOT": str(self.root),
                "REFLECTION_DISK_ORDERS": str(self.orders)}

    def fail(self, name, number, *calls):
        """Lets calls fail in a folder until mend()."""
        fresh = self.root / "orders.new"
        fresh.write_text(" ".join(f"{call}:{number}:/{name}/" for call in calls))
        fresh.rename(self.orders)

    def fill(self, name):
        if self.root / name not in self.mounted:
            self.fail(name, errno.ENOSPC, "open", "write", "truncate", "allocate")
            return
        with open(self.root / name / "ballast", "wb", buffering=0) as ballast:
            for piece in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        ballast.write(bytes(piece))
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error

    def mend(self):
        self.orders.unlink(missing_ok=True)
        for name in SIZES:
            (self.root / name / "ballast").unlink(missing_ok=True)


class Files:
    """Uploads that were acknowledged, by the URL under which each must be found."""

    def __init__(self, platform):
        self.platform = platform
        self.kept = {}

    def put(self, urls, data):
        """The status and the Retry-After of an upload."""
        parts = urllib.parse.urlsplit(urls["uploadUrl"])
        status, headers, _ = self.platform.call("PUT", f"{parts.path}?{parts.query}", data,
                                                {"Content-Type": "audio/wav"})
        if status == 200:
            self.kept[urls["downloadUrl"]] = data
        return status, headers.get("Retry-After")

    def check(self):
        for url, data in self.kept.items():
            assert fetch(self.platform, url) == data, "an acknowledged upload is another now"


def fetch(p, url):
    parts = urllib.parse.urlsplit(url)
    status, _, data = p.call("GET", f"{parts.path}?{parts.query}")
    assert status == 200, f"{parts.path}: {status}"
    return data


def tone(number):
    """A second of WAV, each number another one."""
    rng, out = random.Random(number), io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(b"".join(rng.randint(-3000, 3000).to_bytes(2, "little", signed=True) for _ in range(8000)))
    return out.getvalue()


def ask(path, sql):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [value for (value,) in db.execute(sql)]
    finally:
        db.close()


def sound(p):
    """Neither database is damaged."""
    for path in (p.data / "job" / "job.db", p.data / "bus" / "bus.db"):
        assert ask(path, "PRAGMA integrity_check") == ["ok"], path


def all_done(p, ids):
    """Every job that was accepted has succeeded, none twice."""
    db = p.data / "job" / "job.db"
    wait_until(lambda: not ask(db, "SELECT 1 FROM jobs WHERE state NOT IN (3, 4) LIMIT 1"), PATIENCE_S,
               "the end of all jobs", step=0.2)
    assert len(set(ids)) == len(ids), "two requests got one job"
    lost = set(ids) - set(ask(db, f"SELECT id FROM jobs WHERE state={SUCCEEDED}"))
    assert not lost, f"{len(lost)} accepted jobs are lost"
    assert ask(db, f"SELECT job FROM attempts WHERE state={SUCCEEDED} GROUP BY job HAVING count(*)>1") == []
    wait_until(lambda: not ask(db, "SELECT 1 FROM packs LIMIT 1"), PATIENCE_S, "an empty outbox", step=0.2)


class World:
    """A platform, its disk, and what it has acknowledged."""

    def __init__(self, platform, disk):
        self.platform, self.disk = platform, disk
        self.files = Files(platform)
        self.jobs = []
        self.n_tones = 0

    def tone(self):
        self.n_tones += 1
        return tone(self.n_tones)


# ---- under the databases ----

def hurt(w, fault):
    """Jobs and uploads before, during and after a fault of the disk that has the databases."""
    p, before = w.platform, pids(w.platform)
    urls = [p.json("GET", "/v1/upload") for _ in range(3)]
    load = Load(p)
    try:
        wait_until(lambda: len(load.accepted) > 20, PATIENCE_S, "the first jobs")
        fault()
        wait_until(lambda: load.refused, PATIENCE_S, "a refusal")
        answers = [w.files.put(url, w.tone()) for url in urls] + [p.call("GET", "/v1/upload")[:2]]
        time.sleep(FAULT_S)
        healthy(p)
        w.disk.mend()
        n = len(load.accepted)
        wait_until(lambda: len(load.accepted) > n + 20, PATIENCE_S, "jobs accepted again")
    finally:
        w.disk.mend()
        load.end()
    load.only_unavailable()
    assert answers[:3] == [(503, "5")] * 3, answers[:3]
    assert (answers[3][0], answers[3][1].get("Retry-After")) == (503, "5"), answers[3]
    assert [w.files.put(url, w.tone())[0] for url in urls] == [200] * 3, "a URL whose upload failed is usable"
    w.jobs += load.accepted
    all_done(p, w.jobs)
    w.files.check()
    sound(p)
    assert pids(p) == before, "a service was started again"
    return f"{len(load.accepted)} jobs accepted, {len(load.refused)} refused"


def the_disk_of_the_databases_is_full(w):
    return hurt(w, lambda: w.disk.fill("data"))


def the_disk_of_the_databases_fails(w):
    return hurt(w, lambda: w.disk.fail("data", errno.EIO, "write", "read"))


def the_disk_of_the_databases_fails_to_sync(w):
    return hurt(w, lambda: w.disk.fail("data", errno.EIO, "sync"))


# ---- under the object store ----

def convert(p, url):
    return p.json("POST", "/v1/job", {"name": "convert", "workflow": "reflection/convert",
                                      "params": {"inputUrl": url, "format": "flac"}})["id"]


def job_of(p, job):
    return p.json("GET", f"/v1/job/{job}?include=attempts")


def hurt_objects(w, fault, refused, message):
    """An upload and a result while the store takes none, and once it does."""
    p, before = w.platform, pids(w.platform)
    urls = [p.json("GET", "/v1/upload") for _ in range(2)]
    data = w.tone()
    assert w.files.put(urls[0], data)[0] == 200
    fault()
    try:
        answer = w.files.put(urls[1], bytes(6 << 20))
        assert answer == (refused, "5"), answer
        job = convert(p, urls[0]["downloadUrl"])
        wait_until(lambda: any(a["code"] for a in job_of(p, job)["attempts"]), PATIENCE_S, "a failed attempt")
        end = job_of(p, job)
        assert end["status"] == "STARTED" and {a["code"] for a in end["attempts"] if a["code"]} == {"INTERNAL_ERROR"}
        if LONG:
            hopeless = convert(p, urls[0]["downloadUrl"])
            wait_until(lambda: job_of(p, hopeless)["status"] == "FAILED", PATIENCE_S, "the clear error", step=1)
            error = job_of(p, hopeless)["error"]
            assert (error["code"], error["message"]) == ("INTERNAL_ERROR", message), error
            assert len(job_of(p, hopeless)["attempts"]) == 4
        healthy(p)
    finally:
        w.disk.mend()
    wait_until(lambda: job_of(p, job)["status"] in ("SUCCEEDED", "FAILED"), PATIENCE_S, "the job's end")
    end = job_of(p, job)
    if end["status"] == "SUCCEEDED":
        assert fetch(p, next(iter(end["result"].values())))[:4] == b"fLaC"
    else:
        assert LONG and end["error"]["message"] == message, end
    assert w.files.put(urls[1], data)[0] == 200, "a URL whose upload failed is usable"
    w.files.check()
    sound(p)
    assert pids(p) == before, "a service was started again"
    return f"an upload was refused with {refused}, the job had {len(end['attempts'])} attempts"


def the_object_store_is_full(w):
    return hurt_objects(w, lambda: w.disk.fill("objects"), 507, "Storage is full.")


def the_object_store_fails_to_write(w):
    return hurt_objects(w, lambda: w.disk.fail("objects", errno.EIO, "write"), 503, "Storage failed.")


def the_object_store_fails_to_sync(w):
    return hurt_objects(w, lambda: w.disk.fail("objects", errno.EIO, "sync"), 503, "Storage failed.")


# ---- afterwards ----

def all_that_was_acknowledged_is_there_after_a_start(w):
    w.platform.stop()
    assert w.platform.process.returncode == 0
    sound(w.platform)
    w.platform.start()
    all_done(w.platform, w.jobs)
    w.files.check()
    return f"{len(w.jobs)} jobs, {len(w.files.kept)} uploads"


CHECKS = [the_disk_of_the_databases_is_full, the_disk_of_the_databases_fails,
          the_disk_of_the_databases_fails_to_sync, the_object_store_is_full, the_object_store_fails_to_write,
          the_object_store_fails_to_sync, all_that_was_acknowledged_is_there_after_a_start]


def main():
    disk = Disk()
    try:
        with rf_platform.Platform(*SETTINGS, f"store.url=dir:{disk.root}/objects", on="local",
                                  environment=disk.environment(), given=disk.root / "data") as platform:
            code = rf_platform.run_checks(CHECKS, World(platform, disk))
            if code != 0:
                platform.tell_log(200)
    finally:
        disk.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
