"""Engines that fail while they play end their own session, and nothing else: NaN, an error, a hang."""
import base64
import os
import pathlib
import sys

import numpy as np

import judge
import rig
import wire
from witness import Witness, wait_for

PLUGINS = [pathlib.Path(os.environ["REFLECTION_BIN"]).parent / "tests" / f"jam_broken_{kind}.so"
           for kind in ("nan", "error", "hang")]
SETTINGS = [f"jam.jam.plugins={','.join(map(str, PLUGINS))}"]


async def fails(platform, engine, **params):
    """Plays an engine to its end: the chunks' samples and the last messages."""
    socket, started = await wire.start(platform, engine=engine, **params)
    assert started["type"] == "started" and started["engine"] == engine, started
    chunks = []
    while True:
        message = await socket.until("chunk", "error", "stopped")
        if message["type"] != "chunk":
            break
        chunks.append(judge.wav_f32(base64.b64decode(message["audio_base64"])))
    assert message["type"] == "error" and message["code"] == "ENGINE_FAILED", message
    stopped = await socket.until("stopped")
    assert stopped["reason"] == "engine" and stopped["chunks_sent"] == len(chunks), stopped
    code = await socket.closed()
    assert code == 1000, f"close {code}"
    return chunks


async def a_frame_that_is_no_number(platform):
    """It is never sent: what went before fades out."""
    async with Witness(platform):
        chunks = await fails(platform, "broken-nan", max_decode_frames=10)
        assert len(chunks) >= 7 and all(np.isfinite(c).all() for c in chunks)
        assert platform.metric("reflection_jam_bad_frames_total") >= 1


async def an_engine_that_returns_an_error(platform):
    async with Witness(platform):
        assert len(await fails(platform, "broken-error", max_decode_frames=10)) >= 7


async def an_engine_that_hangs(platform):
    async with Witness(platform):
        assert len(await fails(platform, "broken-hang", max_decode_frames=10)) >= 7


async def as_many_hanging_engines_as_processors(platform):
    """Threads that hang are not missed by others."""
    n = os.cpu_count()
    async with Witness(platform):
        sockets = [await wire.start(platform, engine="broken-hang", max_decode_frames=10)
                   for _ in range(n)]
        for socket, started in sockets:
            assert started["type"] == "started", started
        other, started = await wire.start(platform)
        for _ in range(5):
            await other.until("chunk")
        await other.stop()
        for socket, _ in sockets:
            assert (await socket.until("error"))["code"] == "ENGINE_FAILED"
            assert await socket.closed() == 1000


async def the_service_is_the_same(platform):
    assert platform.pid_of("jam") == platform.first_pid
    # Nothing is left behind: a place of every engine that failed is free again.
    await wait_for(lambda: platform.metric("reflection_jam_sessions") == 0 or None, 60, "no session")


CHECKS = [a_frame_that_is_no_number, an_engine_that_returns_an_error, an_engine_that_hangs,
          as_many_hanging_engines_as_processors, the_service_is_the_same]


def main():
    with rig.Platform(*SETTINGS) as platform:
        platform.first_pid = platform.pid_of("jam")
        sys.exit(rig.run_checks(CHECKS, platform))


if __name__ == "__main__":
    main()
