"""Jobs over a real Kafka (spec jobs.md K1-K5): they run, what cannot be read is set aside, and an
outage of every broker costs nobody a job, nor does a job that outlasts the poll interval cost an attempt
(with REFLECTION_LONG=1 one of 10 minutes at 30 s). Also what `reflection up --bus` says about a bus that
cannot be used."""
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "servers"))
import kafka  # noqa: E402
import rf_platform  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

READY, EVENTS, DLQ = "reflection.job.ready.cpu", "reflection.job.events", "reflection.job.dlq"
SERVICES = ("gateway", "processor", "job")
POLL_INTERVAL_S, JOB_S = (30, 600) if LONG else (6, 14)
DRIP = bytes(6 << 10)  # each half a second: above the 10 KiB/s below which a fetch gives up
SETTINGS = [f"workflows.extra_dir={HERE.parents[1]}/fault/workflows", "rate.requests_per_second=100000",
            "rate.burst=100000", "rate.poll_per_second=100000"]


def read_topic(broker, topic):
    """Every record so far: partition, offset, key, value."""
    form = r'{"partition":%p,"offset":%o,"key":"%k","size":%S}\n'
    out = subprocess.run(["kcat", "-b", broker.settings["brokers"], "-C", "-t", topic, "-e", "-q", "-f", form],
                         capture_output=True, text=True, check=True, timeout=60).stdout
    return [json.loads(line) for line in out.splitlines()]


def read_values(broker, topic):
    return subprocess.run(["kcat", "-b", broker.settings["brokers"], "-C", "-t", topic, "-e", "-q", "-D", "\n"],
                          capture_output=True, check=True, timeout=60).stdout


def submit(p, n):
    return [p.json("POST", "/v1/job", {"name": f"job {i}", "workflow": "fault/noop", "params": {"text": str(i)}})["id"]
            for i in range(n)]


def await_success(p, ids, seconds=90):
    left = set(ids)

    def settle():
        for job in list(left):
            status = p.json("GET", f"/v1/job/{job}/status")["status"]
            assert status != "FAILED", job
            if status == "SUCCEEDED":
                left.discard(job)
        return not left

    wait_until(settle, seconds, "the last job's success", step=0.2)


def healthy(p):
    for service in SERVICES:
        with urllib.request.urlopen(p.internal(service) + "/healthz", timeout=10) as answer:
            assert answer.status == 200, service


def k1_k2_jobs_run_and_their_messages_are_small_references(p, broker):
    ids = submit(p, 20)
    await_success(p, ids)
    wait_until(lambda: p.metric("reflection_outbox_unsent", "job") == 0, 30, "an empty outbox")
    ready, events = read_topic(broker, READY), read_topic(broker, EVENTS)
    assert {r["key"] for r in events} >= set(ids), "each job tells of itself"
    assert all(r["size"] <= 1024 for r in ready + events), "K2"
    return f"{len(ready)} references, {len(events)} events"


def k2_a_record_that_cannot_be_read_goes_to_the_dead_letters(p, broker):
    before = len(read_topic(broker, DLQ))
    subprocess.run(["kcat", "-b", broker.settings["brokers"], "-P", "-t", READY, "-p", "3"],
                   input=b"no protobuf at all", check=True, timeout=60)
    wait_until(lambda: len(read_topic(broker, DLQ)) > before, 60, "the dead letter")
    assert READY.encode() in read_values(broker, DLQ), "names the topic"
    await_success(p, submit(p, 5))


# F12
def k5_an_outage_of_every_broker_costs_no_job(p, broker):
    broker.kill()
    begin = time.monotonic()
    ids = submit(p, 100)
    took = time.monotonic() - begin
    healthy(p)
    broker.start()
    await_success(p, ids)
    wait_until(lambda: p.metric("reflection_outbox_unsent", "job") == 0, 90, "an empty outbox")
    told = {r["key"] for r in read_topic(broker, EVENTS)}
    assert told >= set(ids), f"{len(set(ids) - told)} of 100 jobs told nobody"
    attempts = [p.json("GET", f"/v1/job/{job}")["status"] for job in ids]
    assert attempts == ["SUCCEEDED"] * len(ids)
    return f"100 jobs accepted in {took:.1f} s without a broker"


def k5_a_broker_that_stands_still_costs_no_job(p, broker):
    broker.pause()
    ids = submit(p, 50)
    healthy(p)
    broker.resume()
    await_success(p, ids)


def k1_the_platform_ends_without_a_broker_and_goes_on_later(p, broker):
    broker.kill()
    ids = submit(p, 10)
    begin = time.monotonic()
    p.stop()
    took = time.monotonic() - begin
    assert p.process.returncode == 0 and took < 40, f"ended with {p.process.returncode} after {took:.0f} s"
    broker.start()
    p.start()
    await_success(p, ids)
    wait_until(lambda: p.metric("reflection_outbox_unsent", "job") == 0, 60, "an empty outbox")
    assert {r["key"] for r in read_topic(broker, EVENTS)} >= set(ids)


class Dripping(http.server.BaseHTTPRequestHandler):
    """An input that takes JOB_S seconds to come."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(2 * JOB_S * len(DRIP)))
        self.end_headers()
        for _ in range(2 * JOB_S):
            self.wfile.write(DRIP)
            time.sleep(0.5)


def k4_a_job_longer_than_the_poll_interval_is_one_attempt_and_no_rebalance(p, broker):
    """A platform of its own, since nobody else may be in the group; its one slot is taken meanwhile."""
    p.stop()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"kafka://{broker.settings['brokers']}?max.poll.interval.ms={POLL_INTERVAL_S * 1000}" \
          f"&session.timeout.ms={POLL_INTERVAL_S * 1000}"
    with rf_platform.Platform(*SETTINGS, f"bus.url={url}", "slots=1", "fetch.allow_loopback=true",
                              "fetch.total_s=3600", only=",".join(SERVICES)) as own:
        await_success(own, submit(own, 5))
        begin = time.monotonic()
        job = own.json("POST", "/v1/job", {"name": "long", "workflow": "fault/slow-input", "params": {
            "file": f"http://127.0.0.1:{server.server_address[1]}/"}})["id"]
        wait_until(lambda: own.json("GET", f"/v1/job/{job}/status")["status"] == "STARTED", 60, "its start")
        waiting = submit(own, 5)
        await_success(own, [job, *waiting], JOB_S + 90)
        took = time.monotonic() - begin
        attempts = own.json("GET", f"/v1/job/{job}?include=attempts")["attempts"]
        rebalances = own.metric("reflection_kafka_rebalances_total", "processor")
        assert took > 2 * POLL_INTERVAL_S and len(attempts) == 1 and rebalances == 0, (took, attempts, rebalances)
    server.shutdown()
    server.server_close()
    return f"a job of {took:.0f} s with a poll interval of {POLL_INTERVAL_S} s"


def a_bus_that_cannot_be_used_ends_up_with_the_settings_name(_, broker):
    for url, why in (("kafka://127.0.0.1:1", "Connection refused"), ("kafka://nowhere", "host:port"),
                     (broker.settings["url"] + "&acks=0", "acks"),
                     (broker.settings["url"] + "&sasl.passwort=geheim", "sasl.passwort")):
        root = tempfile.mkdtemp(prefix="rf-", dir="/tmp")
        ended = subprocess.run([rf_platform.BIN / "reflection", "up", "--data", f"{root}/data", "--http", "127.0.0.1:0",
                                "--https", "127.0.0.1:0", "--only", "job", "--bus", url],
                               capture_output=True, text=True, timeout=170, check=False)
        shutil.rmtree(root)
        assert ended.returncode != 0, url
        assert "bus.url: " in ended.stderr and why in ended.stderr, ended.stderr[-2000:]
        assert "geheim" not in ended.stderr.replace(url, ""), "a value of the URL was told"


def main():
    missing = kafka.missing()
    if missing:
        print(f"SKIPPED: {missing}", flush=True)
        sys.exit(rf_platform.SKIPPED)
    root = pathlib.Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    broker = kafka.Server(root)
    try:
        broker.start()
        with rf_platform.Platform(*SETTINGS, f"bus.url={broker.settings['url']}", only=",".join(SERVICES)) as p:
            code = rf_platform.run_checks(
                [k1_k2_jobs_run_and_their_messages_are_small_references,
                 k2_a_record_that_cannot_be_read_goes_to_the_dead_letters,
                 k5_an_outage_of_every_broker_costs_no_job, k5_a_broker_that_stands_still_costs_no_job,
                 k1_the_platform_ends_without_a_broker_and_goes_on_later,
                 k4_a_job_longer_than_the_poll_interval_is_one_attempt_and_no_rebalance,
                 a_bus_that_cannot_be_used_ends_up_with_the_settings_name], p, broker)
    finally:
        broker.stop()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
