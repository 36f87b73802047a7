"""2,000 sockets that never start: a session beside them plays on, and they are closed in time."""
import asyncio
import sys

import rig
import wire
from witness import Witness

CROWD = 2_000
START_S = 20  # set below: how long a socket may do without a start
SETTINGS = ["gateway.jam.sockets_per_key=3000", "gateway.rate.requests_per_second=1000000",
            "gateway.rate.burst=1000000", f"jam.jam.start_s={START_S}"]


async def two_thousand_sockets_that_never_start(platform):
    """A session beside them plays on, another gets in, and each is closed with 1008 in time."""
    pids = [platform.pid_of(name) for name in ("gateway", "jam")]
    async with Witness(platform):
        before = [rig.rss_bytes(pid) for pid in pids]
        crowd = [await wire.Wire.open(platform) for _ in range(CROWD)]
        sizes = [(rig.rss_bytes(pid) - b) / CROWD / 1024 for pid, b in zip(pids, before)]
        other, started = await wire.start(platform)
        assert started["type"] == "started", started
        await other.until("chunk")
        await other.stop()
        codes = set(await asyncio.gather(*(s.closed(START_S + 60) for s in crowd)))
        assert codes == {1008}, codes
    return f"gateway {sizes[0]:.1f} and jam {sizes[1]:.1f} KiB a socket"


def main():
    with rig.Platform(*SETTINGS) as platform:
        sys.exit(rig.run_checks([two_thousand_sockets_that_never_start], platform))


if __name__ == "__main__":
    main()
