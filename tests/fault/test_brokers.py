"""Three Kafka brokers of which one dies again and again, and networks cut in two between the platform and Kafka
or PostgreSQL: what was accepted is done in the end, by the same processes.

In short the leader of the jobs' messages dies once and a cut lasts 6 s. With REFLECTION_LONG=1 a broker dies in
each of five minutes, and a cut lasts 60 s."""
import functools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))
import kafka  # noqa: E402
import postgres  # noqa: E402
import rf_platform  # noqa: E402
from load import PATIENCE_S, SETTINGS, SUBMITTERS, Load, healthy, pids  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

SERVICES = ("gateway", "job", "processor")
NODES = 3
MINUTES = 5
CUT_S = 60 if LONG else 6
SPEC_S = 1  # within which an outage of the store is told; a machine may stand still for a few of the answers
READY, EVENTS = "reflection.job.ready.cpu", "reflection.job.events"
PAUSE_S = 0.1 if LONG else 0.02


class World:
    def __init__(self, platform, bus, sql):
        self.platform, self.bus, self.sql = platform, bus, sql


def all_told(bus, ids):
    """Each job's events are in Kafka."""
    keys = subprocess.run(["kcat", "-b", bus.settings["brokers"], "-C", "-t", EVENTS, "-e", "-q", "-f", r"%k\n"],
                          capture_output=True, text=True, check=True, timeout=120).stdout
    untold = set(ids) - set(keys.split())
    assert not untold, f"{len(untold)} jobs told nobody"


def drained(w, ids):
    """Every job that was accepted succeeds, none twice, and its messages are out; how long that took."""
    begin = time.monotonic()
    wait_until(lambda: w.sql.run("SELECT count(*) FROM jobs WHERE state NOT IN (3, 4)") == "0", PATIENCE_S,
               "the end of all jobs", step=0.3)
    wait_until(lambda: w.sql.run("SELECT count(*) FROM packs") == "0", PATIENCE_S, "an empty outbox", step=0.3)
    took = time.monotonic() - begin
    assert len(set(ids)) == len(ids), "two requests got one job"
    lost = set(ids) - set(w.sql.run("SELECT id FROM jobs WHERE state=3").split())
    assert not lost, f"{len(lost)} accepted jobs are lost"
    doubled = w.sql.run("SELECT count(*) FROM (SELECT job FROM attempts WHERE state=3 GROUP BY job"
                        " HAVING count(*)>1) AS doubled")
    assert doubled == "0", f"{doubled} jobs succeeded twice"
    all_told(w.bus, ids)
    return took


def under_load(w, hurt):
    """Calls hurt(load) while jobs come; the load when all is done again, and how long that took."""
    before = pids(w.platform, SERVICES)
    load = Load(w.platform, PAUSE_S)
    try:
        wait_until(lambda: len(load.accepted) > 20, PATIENCE_S, "the first jobs")
        hurt(load)
        n = len(load.accepted)
        wait_until(lambda: len(load.accepted) > n + 20, PATIENCE_S, "jobs accepted again")
    finally:
        load.end()
    took = drained(w, load.accepted)
    assert pids(w.platform, SERVICES) == before, "a service was started again"
    return load, took


# ---- one broker of three ----

def k5_one_of_three_brokers_dies(w):
    done = functools.partial(w.sql.run, "SELECT count(*) FROM jobs WHERE state=3")
    killed = []

    def kill_one(load):
        node = w.bus.leader(READY) if not killed else 1 + killed[-1] % NODES
        w.bus.kill(node)
        killed.append(node)
        n_accepted, n_done = len(load.accepted), int(done())
        wait_until(lambda: len(load.accepted) > n_accepted + 20, PATIENCE_S, "accepts without the broker")
        wait_until(lambda: int(done()) > n_done + 20, PATIENCE_S, "jobs done without the broker", step=0.3)
        healthy(w.platform, SERVICES)

    def hurt(load):
        for _ in range(MINUTES if LONG else 1):
            begin = time.monotonic()
            kill_one(load)
            time.sleep(max(0, begin + 30 - time.monotonic()) if LONG else 0)
            w.bus.start(killed[-1])
            time.sleep(max(0, begin + 60 - time.monotonic()) if LONG else 0)

    load, took = under_load(w, hurt)
    assert not load.refused, load.refused[:3]
    return f"brokers {killed} killed, {len(load.accepted)} jobs, drained after {took:.1f} s"


# ---- a network cut in two ----

def cut(w, server):
    """What was accepted during a cut to the server, the load, and how long it took to drain."""
    accepted = []

    def hurt(load):
        server.hold()
        try:
            n = len(load.accepted)
            time.sleep(CUT_S)
            healthy(w.platform, SERVICES)
            accepted.append(len(load.accepted) - n)
        finally:
            server.release()

    load, took = under_load(w, hurt)
    assert not LONG or took <= 2 * CUT_S, f"drained after {took:.0f} s"
    return accepted[0], load, took


def k5_kafka_is_cut_off(w):
    n, load, took = cut(w, w.bus)
    assert n > 0 and not load.refused, (n, load.refused[:3])
    return f"{len(load.accepted)} jobs, {n} of them meanwhile, drained after {took:.1f} s"


def the_database_is_cut_off(w):
    n, load, took = cut(w, w.sql)
    load.only_unavailable()
    assert load.refused and n <= SUBMITTERS, (n, len(load.refused))
    took = sorted(seconds for _, _, seconds in load.refused)
    most, slowest = took[len(took) * 9 // 10], took[-1]
    assert most < SPEC_S, f"a tenth of the refusals took {most:.2f} s and more"
    return (f"{len(load.accepted)} jobs, {len(load.refused)} refused, nine of ten within {most:.2f} s, the slowest after"
            f" {slowest:.2f} s")


CHECKS = [k5_one_of_three_brokers_dies, k5_kafka_is_cut_off, the_database_is_cut_off]


def main():
    for kind in (kafka, postgres):
        if kind.missing():
            print(f"SKIPPED: {kind.missing()}", flush=True)
            sys.exit(rf_platform.SKIPPED)
    root = pathlib.Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    root.chmod(0o755)
    for kind in ("kafka", "postgres"):
        (root / kind).mkdir()
    bus = kafka.Server(root / "kafka", nodes=str(NODES), proxied="1")
    sql = postgres.Server(root / "postgres", fsync="off", proxied="1")
    try:
        bus.start()
        sql.start()
        with rf_platform.Platform(*SETTINGS, f"bus.url={bus.settings['proxied_url']}",
                                  f"sql.url={sql.settings['proxied_url']}", on="local",
                                  only=",".join(SERVICES)) as platform:
            code = rf_platform.run_checks(CHECKS, World(platform, bus, sql))
            if code != 0:
                platform.tell_log(200)
    finally:
        bus.stop()
        sql.stop()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
