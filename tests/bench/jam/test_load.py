"""The load generator against a scripted server: what it counts is what happened."""
import asyncio
import json
import os
import pathlib

import pytest

from scripted import Scripted

LOAD = pathlib.Path(os.environ["REFLECTION_BIN"]).parent / "tests" / "bench_jam_load"
SECONDS = 8


async def load(scripted, *words):
    server, url = await scripted.serve()
    port = url.split(":")[2].split("/")[0]
    process = await asyncio.create_subprocess_exec(LOAD, words[0], "127.0.0.1", port, "key", *words[1:],
                                                   stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    server.close()
    assert process.returncode == 0
    return out.decode().splitlines()


def play(scripted, sessions, kept):
    lines = asyncio.run(load(scripted, "play", str(sessions), "1", str(SECONDS), str(kept)))
    assert lines[:2] == ["measuring", "measured"]
    return json.loads(lines[2])


def test_even_playing_is_even():
    seen = play(Scripted(1920), 4, 2)
    assert (seen["at_begin"], seen["at_end"], seen["first_ms"]["n"]) == (4, 4, 4)
    assert (seen["holes"], seen["broken_copies"], seen["lost"], seen["errors"]) == (0, 0, 0, 0)
    assert seen["copies"] >= 2 * 3 and seen["late_ms"]["n"] >= 4 * 3
    assert seen["status_ms"]["n"] >= 4 * (SECONDS - 1) and seen["pong_ms"]["n"] >= 4
    assert seen["late_ms"]["p50"] < 200


def test_a_late_chunk_is_late_by_so_much():
    seen = play(Scripted(1920, late={3: 0.9}), 1, 0)
    assert 850 < seen["late_ms"]["max"] < 1500 and seen["copies"] == 0


def test_wrong_positions_are_holes():
    assert play(Scripted(1920, skewed=24), 1, 0)["holes"] >= 3


def test_a_copy_that_is_none_is_seen():
    assert play(Scripted(1920, step=3), 2, 1)["broken_copies"] == 1


def test_first_chunks_are_timed():
    seen = json.loads(asyncio.run(load(Scripted(1920), "first", "5"))[0])
    assert seen["first_ms"]["n"] == 5 and seen["lost"] == 0


def test_time_to_air_counts_from_the_schedule():
    """The scripted server says that each update holds from sample 0: long before it was sent."""
    seen = json.loads(asyncio.run(load(Scripted(1920), "update", "50", "3"))[0])
    assert seen["air_ms"]["n"] == 3 and seen["air_ms"]["max"] < -5000 and seen["changed_sent_audio"] == 3


@pytest.mark.parametrize("words", [(), ("play",), ("first", "a", "b", "c")])
def test_wrong_usage_is_told(words):
    async def run():
        process = await asyncio.create_subprocess_exec(LOAD, *words, stderr=asyncio.subprocess.PIPE)
        return (await process.communicate())[1], process.returncode
    told, code = asyncio.run(run())
    assert code == 2 and told.startswith(b"usage:")
