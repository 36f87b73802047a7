"""Memory of the jam service and the gateway over opening and closing 100 sessions again and again: for
30 minutes with REFLECTION_LONG=1, else for a few rounds. What is kept after the first minute (the
first rounds) may grow by less than 1 MiB."""
import asyncio
import sys
import time

import rig
import wire
from witness import wait_for

SESSIONS = 100
SETTINGS = ["gateway.jam.sockets_per_key=200"]
WARM_S = 60 if rig.LONG else 20
MEASURED_S = 29 * 60 if rig.LONG else 30
GROWTH_BYTES = 1 << 20


async def one(platform, number):
    """Opens, plays two chunks and ends, one of four ways."""
    socket, started = await wire.start(platform, max_decode_frames=5, pace="asap" if number % 2 else "realtime")
    assert started["type"] == "started", started
    await socket.until("chunk")
    await socket.send({"type": "update", "temperature": 0.5, "styles": "jazz, techno"})
    await socket.until("chunk")
    await socket.stop()


async def a_round(platform):
    await asyncio.gather(*(one(platform, n) for n in range(SESSIONS)))
    await wait_for(lambda: platform.metric("reflection_jam_sessions") == 0, 60, "the end of all sessions")


async def rounds(platform, seconds):
    """Rounds for so long; their number, and the least memory of both after one of the last three."""
    pids = [platform.pid_of(name) for name in ("jam", "gateway")]
    end = time.monotonic() + seconds
    sizes = []
    while time.monotonic() < end or len(sizes) < 3:
        await a_round(platform)
        sizes.append([rig.rss_bytes(pid) for pid in pids])
    return len(sizes), [min(column) for column in zip(*sizes[-3:])]


async def hundred_sessions_again_and_again(platform):
    warm, before = await rounds(platform, WARM_S)
    measured, after = await rounds(platform, MEASURED_S)
    grown = [a - b for a, b in zip(after, before)]
    told = (f"{warm} rounds, then {measured}: jam {before[0] >> 10} {grown[0] >> 10:+} KiB, gateway"
            f" {before[1] >> 10} {grown[1] >> 10:+} KiB")
    assert max(grown) < GROWTH_BYTES, told
    return told


def main():
    with rig.Platform(*SETTINGS) as platform:
        sys.exit(rig.run_checks([rig.in_loop(hundred_sessions_again_and_again)], platform))


if __name__ == "__main__":
    main()
