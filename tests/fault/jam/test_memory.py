"""Memory of the jam service and the gateway over opening and closing 100 sessions again and again: for
30 minutes with REFLECTION_LONG=1, else 9 times. What is kept after the first minute, or the first 4
times, may grow by less than 1 MiB."""
import asyncio
import sys
import time

import rig
import wire
from witness import wait_for

SESSIONS = 100
SETTINGS = ["gateway.jam.sockets_per_key=200", "gateway.rate.requests_per_second=1000000",
            "gateway.rate.burst=1000000"]
# Rounds, and for how long at least.
WARM, WARM_S = 4, 60 if rig.LONG else 0
MEASURED, MEASURED_S = 5, 29 * 60 if rig.LONG else 0
GROWTH_BYTES = 1 << 20
BUSY_MAX = 20
REST_S = 2.2  # after the last session's end, in which the service gives back what it kept of them


async def begin(platform, **params):
    """A session on a socket; told BUSY, it comes again in the time that it was told."""
    socket, answer = await wire.start(platform, **params)
    for _ in range(BUSY_MAX):
        if answer["type"] == "started":
            return socket
        assert answer["code"] == "BUSY" and 100 <= answer["retry_after_ms"] <= 60_000, answer
        await asyncio.sleep(answer["retry_after_ms"] / 1000)
        await socket.send({"type": "start", "params": {"styles": "warmup", **params}})
        answer = await socket.until("started", "error")
    raise AssertionError(f"told BUSY {BUSY_MAX} times")


async def one(platform, number):
    """Opens, plays two chunks with a change between them, and ends."""
    socket = await begin(platform, max_decode_frames=5, pace="asap" if number % 2 else "realtime")
    await socket.until("chunk")
    await socket.send({"type": "update", "temperature": 0.5, "styles": "jazz, techno"})
    await socket.until("chunk")
    await socket.stop()


async def a_round(platform):
    await asyncio.gather(*(one(platform, n) for n in range(SESSIONS)))
    await wait_for(lambda: platform.metric("reflection_jam_sessions") == 0, 60, "the end of all sessions")
    await asyncio.sleep(REST_S)


async def rounds(platform, n, seconds):
    """At least n rounds, for so long; their number, and the least memory of both after one of the last three."""
    pids = [platform.pid_of(name) for name in ("jam", "gateway")]
    end = time.monotonic() + seconds
    sizes = []
    while time.monotonic() < end or len(sizes) < n:
        await a_round(platform)
        sizes.append([rig.rss_bytes(pid) for pid in pids])
    return len(sizes), [min(column) for column in zip(*sizes[-3:])]


async def hundred_sessions_again_and_again(platform):
    warm, before = await rounds(platform, WARM, WARM_S)
    measured, after = await rounds(platform, MEASURED, MEASURED_S)
    grown = [a - b for a, b in zip(after, before)]
    told = (f"{warm} rounds, then {measured}: jam {before[0] >> 10} {grown[0] >> 10:+} KiB, gateway"
            f" {before[1] >> 10} {grown[1] >> 10:+} KiB")
    assert max(grown) < GROWTH_BYTES, told
    return told


def main():
    with rig.Platform(*SETTINGS) as platform:
        sys.exit(rig.run_checks([hundred_sessions_again_and_again], platform))


if __name__ == "__main__":
    main()
