"""Memory of gateway, job service and worker over no-op jobs on the embedded parts: once caches are at their limits
(settings that let them fill early) and the largest claims have been made (the worker stands still while jobs come), so
many jobs more leave the resident size of each flat within 2 MiB.

6,000 jobs to fill and 6,000 measured; with REFLECTION_LONG=1 20,000 and 100,000."""
import asyncio
import json
import os
import pathlib
import signal
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "servers"))
import rf_platform  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

FILLING, MEASURED = (20_000, 100_000) if LONG else (6_000, 6_000)
HELD = 3_000
GROWTH_BYTES = 2 << 20
CONNECTIONS = 24
POLLED = 4  # each so many-th job is asked for its status
REST_S = 3  # after the last job's end, in which what was put off is done
PATIENCE_S = 600
SERVICES = ("gateway", "job", "processor")
SETTINGS = [f"workflows.extra_dir={HERE.parents[1]}/fault/workflows", "rate.requests_per_second=1000000",
            "rate.burst=1000000", "rate.poll_per_second=1000000", "job.concurrency=1000", "job.queued_max=1000000",
            "status.cache=1000", "store.cache_kib=1024"]


class Client:
    """One connection that is kept."""

    def __init__(self, platform):
        self.platform = platform
        self.head = f"Host: h\r\nAuthorization: {platform.key}\r\n"

    async def open(self):
        host, port = self.platform.address.rsplit(":", 1)
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def ask(self, method, path, body=b""):
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{self.head}{more}\r\n".encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        data = await self.reader.readexactly(length)
        return int(head.split(" ", 2)[1]), data

    async def done(self, *request):
        """The answer of a call that is made again while the machine is too busy for it."""
        for _ in range(PATIENCE_S):
            status, data = await self.ask(*request)
            if status == 200:
                return json.loads(data)
            assert status == 503, (status, data)
            await asyncio.sleep(1)
        raise TimeoutError(f"{request[1]} is refused for ever")

    async def run(self, numbers):
        for number in numbers:
            body = {"name": f"job {number}", "workflow": "fault/noop", "params": {"text": str(number)}}
            job = await self.done("POST", "/v1/job", json.dumps(body).encode())
            if number % POLLED == 0:
                await self.done("GET", f"/v1/job/{job['id']}/status")
        self.writer.close()


async def submit(platform, n):
    clients = [await Client(platform).open() for _ in range(CONNECTIONS)]
    numbers = iter(range(n))
    await asyncio.gather(*(client.run(numbers) for client in clients))


def all_done(platform):
    metrics = platform.metrics("job")
    return all(v == 0 for k, v in metrics.items()
               if k.split("{")[0] in ("reflection_jobs_queued", "reflection_jobs_running", "reflection_outbox_unsent"))


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"process {pid} has no size")


async def jobs(platform, n, held=0):
    """The sizes after n jobs more, so many of them made while the worker stands still."""
    begin = time.monotonic()
    worker = platform.pid_of("processor")
    os.kill(worker, signal.SIGSTOP)
    try:
        await submit(platform, held)
    finally:
        os.kill(worker, signal.SIGCONT)
    await submit(platform, n - held)
    wait_until(lambda: all_done(platform), PATIENCE_S, "the end of all jobs", step=0.2)
    rate = n / (time.monotonic() - begin)
    await asyncio.sleep(REST_S)
    return [resident_bytes(platform.pid_of(service)) for service in SERVICES], rate


async def the_size_does_not_grow_with_the_jobs_done(platform):
    before, _ = await jobs(platform, FILLING, HELD)
    after, rate = await jobs(platform, MEASURED)
    grown = {service: a - b for service, a, b in zip(SERVICES, after, before)}
    told = ", ".join(f"{service} {b >> 10} {grown[service] >> 10:+} KiB" for service, b in zip(SERVICES, before))
    told = f"{FILLING} jobs, then {MEASURED} at {rate:.0f}/s: {told}"
    assert max(grown.values()) < GROWTH_BYTES, told
    return told


def main():
    with rf_platform.Platform(*SETTINGS, only=",".join(SERVICES), on="local") as platform:
        sys.exit(rf_platform.run_checks([the_size_does_not_grow_with_the_jobs_done], platform))


if __name__ == "__main__":
    main()
