"""A platform on real Kafka, PostgreSQL and S3 while each of them is killed, stands still, refuses or is cut off:
whatever was accepted is done in the end, no service is started again for it, and liveness stays.

With REFLECTION_LONG=1 an outage lasts 60 s instead of 6 s."""
import pathlib
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))
import rf_platform  # noqa: E402
from load import PATIENCE_S, SETTINGS, SUBMITTERS, Load, healthy, pids  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

OUTAGE_S = 60 if LONG else 6


def all_done(p, ids):
    """Every job has succeeded, none twice."""
    def unfinished():
        return sum(len(p.json("GET", f"/v1/job?status={status}&size=1000")) for status in ("QUEUED", "STARTED"))
    wait_until(lambda: unfinished() == 0, PATIENCE_S, "the end of all jobs", step=0.5)
    sql = p.servers["sql"]
    assert len(set(ids)) == len(ids), "two requests got one job"
    found = set(sql.run("SELECT id FROM jobs WHERE state=3").split())
    assert set(ids) <= found, f"{len(set(ids) - found)} accepted jobs are lost"
    doubled = sql.run("SELECT count(*) FROM (SELECT job FROM attempts WHERE state=3 GROUP BY job HAVING count(*)>1)"
                      " AS doubled")
    assert doubled == "0", f"{doubled} jobs succeeded twice"


def during(p, outage, recover):
    """Jobs before, during and after an outage; what was refused meanwhile."""
    before = pids(p)
    load = Load(p)
    try:
        time.sleep(1)
        outage()
        n = len(load.accepted)
        time.sleep(OUTAGE_S)
        healthy(p)
        n = len(load.accepted) - n
        recover()
        m = len(load.accepted)
        wait_until(lambda: len(load.accepted) > m + 20, PATIENCE_S, "jobs accepted again")
    finally:
        load.end()
    all_done(p, load.accepted)
    assert pids(p) == before, "a service was started again"
    return load, n


def told(load, n):
    return f"{len(load.accepted)} jobs, {n} of them accepted meanwhile, {len(load.refused)} refused"


# ---- Kafka ----

def k5_the_broker_is_killed(p):
    bus = p.servers["bus"]
    load, n = during(p, bus.kill, bus.start)
    assert n > 0 and not load.refused, told(load, n)
    return told(load, n)


def k5_the_broker_stands_still(p):
    bus = p.servers["bus"]
    load, n = during(p, bus.pause, bus.resume)
    assert n > 0 and not load.refused, told(load, n)
    return told(load, n)


# ---- PostgreSQL ----

def the_database_is_killed(p):
    sql = p.servers["sql"]
    load, n = during(p, sql.kill, sql.start)
    load.only_unavailable()
    assert load.refused and n <= SUBMITTERS, told(load, n)
    return told(load, n)


def the_database_is_read_only(p):
    sql = p.servers["sql"]

    def switch(to):
        sql.run(f"ALTER SYSTEM SET default_transaction_read_only={to}")
        sql.run("SELECT pg_reload_conf()")

    load, n = during(p, lambda: switch("on"), lambda: switch("off"))
    load.only_unavailable()
    assert load.refused, told(load, n)
    return told(load, n)


def connections_are_cut_in_mid_transaction(p):
    sql = p.servers["sql"]

    def cut():
        for _ in range(10):
            sql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid<>pg_backend_pid()"
                    " AND backend_type='client backend'")
            time.sleep(0.3)

    load, n = during(p, cut, lambda: None)
    load.only_unavailable()
    return told(load, n)


# ---- S3 ----

def put(p, data):
    """The download URL of an upload, or the status that refused it."""
    urls = p.json("GET", "/v1/upload")
    parts = urllib.parse.urlsplit(urls["uploadUrl"])
    status, _, _ = p.call("PUT", f"{parts.path}?{parts.query}", data, {"Content-Type": "audio/wav"})
    return urls["downloadUrl"] if status == 200 else status


def the_object_store_is_killed(p):
    """Uploads are refused clearly, jobs with files are tried again and done once it is back."""
    store, data = p.servers["store"], bytes(200_000)
    url = put(p, data)
    assert isinstance(url, str), url
    store.kill()
    refused = put(p, data)
    assert refused in (503, 507), refused
    job = p.json("POST", "/v1/job", {"name": "copy", "workflow": "sdk-test", "params": {"file": url}})["id"]
    time.sleep(OUTAGE_S)
    healthy(p)
    store.start()
    wait_until(lambda: p.json("GET", f"/v1/job/{job}/status")["status"] in ("SUCCEEDED", "FAILED"), PATIENCE_S,
               "the end of the job", step=0.5)
    answer = p.json("GET", f"/v1/job/{job}")
    assert answer["status"] == "SUCCEEDED", answer
    parts = urllib.parse.urlsplit(next(iter(answer["result"].values())))
    status, _, got = p.call("GET", f"{parts.path}?{parts.query}")
    assert status == 200 and got == data, status
    return f"an upload was refused with {refused}"


CHECKS = [k5_the_broker_is_killed, k5_the_broker_stands_still, the_database_is_killed, the_database_is_read_only,
          connections_are_cut_in_mid_transaction, the_object_store_is_killed]


def main():
    with rf_platform.Platform(*SETTINGS, on="cluster") as platform:
        code = rf_platform.run_checks(CHECKS, platform)
        if code != 0:
            platform.tell_log(200)
    sys.exit(code)


if __name__ == "__main__":
    main()
