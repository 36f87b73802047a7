"""What befalls the jam service as a whole: SIGKILL while 50 sessions play, SIGTERM. Every client learns
what became of its session, and can go on."""
import asyncio
import os
import signal
import sys
import time
import urllib.request

import rig
import wire
from witness import wait_for

SESSIONS = 50
TOLD_S = 5  # after the service's return
SETTINGS = ["gateway.jam.sockets_per_key=3000", "gateway.rate.requests_per_second=1000000",
            "gateway.rate.burst=1000000"]
OTHER_DRAIN_S = 40


class Client:
    """Plays, and when its socket ends comes back with its token until it is told what became of it."""

    def __init__(self, platform):
        self.platform = platform
        self.indices = []
        self.close_code = None
        self.told = None  # the answer to its token
        self.told_at = None
        self.back_with = None  # metadata of the first chunk afterwards

    async def play(self):
        self.wire, self.started = await wire.start(self.platform, max_decode_frames=25)
        assert self.started["type"] == "started", self.started
        self.playing = asyncio.create_task(self._play())

    async def _play(self):
        while (message := await self.wire.next()) is not None:
            if message["type"] == "chunk":
                self.indices.append(message["metadata"]["index"])
        self.close_code = self.wire.close_code

    async def come_back(self):
        await self.playing
        resume = {"resume_token": self.started["resume_token"], "last_index": self.indices[-1]}
        while self.told is None:
            try:
                self.wire, self.told = await wire.start(self.platform, resume=resume)
            except (OSError, ConnectionError, wire.Refused, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
        self.told_at = time.monotonic()
        if self.told["type"] == "error":
            await self.wire.send({"type": "start", "params": {"pace": "realtime"}})
            assert (await self.wire.until("started", "error"))["type"] == "started"
        self.back_with = (await self.wire.until("chunk"))["metadata"]
        await self.wire.stop()


def is_ready(platform):
    try:
        return urllib.request.urlopen(platform.internal("jam") + "/readyz", timeout=1).status == 200
    except OSError:
        return False


async def gets_in(platform):
    """A new client plays, at most TOLD_S after the service's return: 503 tells it to try again."""
    end = time.monotonic() + TOLD_S
    while True:
        try:
            socket, started = await wire.start(platform)
            break
        except wire.Refused as refused:
            assert refused.status == 503 and time.monotonic() < end, refused
            await asyncio.sleep(0.1)
    assert started["type"] == "started", started
    await socket.until("chunk")
    await socket.stop()


async def killed_while_fifty_play(platform):
    clients = [Client(platform) for _ in range(SESSIONS)]
    for client in clients:
        await client.play()
    await wait_for(lambda: all(len(c.indices) >= 2 for c in clients), 60, "two chunks of every session")
    pid = platform.pid_of("jam")
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    back = asyncio.gather(*(c.come_back() for c in clients))
    await wait_for(lambda: platform.pid_of("jam") not in (None, pid), 60, "another process")
    await wait_for(lambda: is_ready(platform), 60, "the service's return")
    ready = time.monotonic()
    await asyncio.wait_for(back, 90)
    codes = {c.close_code for c in clients}
    assert codes <= {1011, 1012}, f"sockets were closed with {codes}"
    for c in clients:
        assert c.indices == list(range(len(c.indices))), c.indices
        assert c.told["type"] == "started" and c.told["resumed"] or c.told["code"] == "RESUME_UNKNOWN", c.told
    late = max(c.told_at for c in clients) - ready
    assert late < TOLD_S, f"the last client was told {late:.1f} s after the return"
    resumed = sum(c.told["type"] == "started" for c in clients)
    return (f"back after {ready - killed:.2f} s, the last of {SESSIONS} told {late:.2f} s later,"
            f" {resumed} resumed, close codes {sorted(codes)}")


async def restarted_while_fifty_play(platform):
    """SIGTERM: every session goes on in the next process, with its token, at the very next sample."""
    clients = [Client(platform) for _ in range(SESSIONS)]
    for client in clients:
        await client.play()
    await wait_for(lambda: all(len(c.indices) >= 2 for c in clients), 60, "two chunks of every session")
    pid = platform.pid_of("jam")
    os.kill(pid, signal.SIGTERM)
    back = asyncio.gather(*(c.come_back() for c in clients))
    await wait_for(lambda: platform.pid_of("jam") not in (None, pid), 60, "another process")
    await wait_for(lambda: is_ready(platform), 60, "the service's return")
    ready = time.monotonic()
    await asyncio.wait_for(back, 90)
    for c in clients:
        assert c.close_code == 1012, c.close_code
        assert c.told["type"] == "started" and c.told["resumed"], c.told
        assert c.told["session_id"] == c.started["session_id"], c.told
        assert c.indices == list(range(len(c.indices))), c.indices
        assert c.back_with["index"] == len(c.indices), (c.back_with, c.indices)
        assert c.back_with["start_sample"] == len(c.indices) * 48000, c.back_with
    late = max(c.told_at for c in clients) - ready
    assert late < TOLD_S, f"the last client was told {late:.1f} s after the return"
    return f"all {SESSIONS} resumed, the last {late:.2f} s after the return"


async def told_to_end(platform):
    """SIGTERM: all are told, chunks go on to the deadline, then 1012; starts are refused meanwhile."""
    clients = [Client(platform) for _ in range(5)]
    for client in clients:
        await client.play()
    socket, started = await wire.start(platform)
    await socket.until("chunk")
    waiting = await wire.Wire.open(platform)
    await waiting.send({"type": "ping"})  # the service knows of it once it has answered
    await waiting.until("pong")
    pid = platform.pid_of("jam")
    os.kill(pid, signal.SIGTERM)
    begin = time.monotonic()
    status = await socket.until("status", seconds=10)
    assert "draining" in status, status
    deadline_s = status["draining"]["deadline_ms"] / 1000
    await waiting.send({"type": "start", "params": {}})
    answer = await waiting.until("started", "error")
    assert answer["type"] == "error" and answer["code"] == "DRAINING", answer
    assert answer["retry_after_ms"] == 1000, answer
    code = await socket.closed(OTHER_DRAIN_S)
    took = time.monotonic() - begin
    assert code == 1012, f"close {code}"
    await asyncio.wait_for(asyncio.gather(*(c.playing for c in clients)), OTHER_DRAIN_S)
    for c in clients:
        assert c.close_code == 1012 and c.indices == list(range(len(c.indices))), (c.close_code, c.indices)
    await wait_for(lambda: platform.pid_of("jam") not in (None, pid) and is_ready(platform), 60,
                   "the service's return")
    await gets_in(platform)
    waiting.vanish()
    return f"deadline {deadline_s:.0f} s, closed after {took:.1f} s"


CHECKS = [killed_while_fifty_play, restarted_while_fifty_play, told_to_end]


def main():
    with rig.Platform(*SETTINGS) as platform:
        sys.exit(rig.run_checks(CHECKS, platform))


if __name__ == "__main__":
    main()
