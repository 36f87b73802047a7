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


async def play(scripted, sessions, kept):
    lines = await load(scripted, "play", str(sessions), "1", str(SECONDS), str(kept))
    assert lines[:2] == ["measuring", "measured"]
    return json.loads(lines[2])


async def told(scripted, *words):
    return json.loads((await load(scripted, *words))[0])


@pytest.fixture(scope="module")
def seen():
    """What each run has counted. They wait most of their time, and do so side by side."""
    runs = {"even": play(Scripted(1920), 4, 2), "late": play(Scripted(1920, late={3: 0.9}), 1, 0),
            "skewed": play(Scripted(1920, skewed=24), 1, 0), "no copy": play(Scripted(1920, step=3), 2, 1),
            "first": told(Scripted(1920), "first", "5"), "update": told(Scripted(1920), "update", "50", "3")}

    async def all_of_them():
        return await asyncio.gather(*runs.values())
    return dict(zip(runs, asyncio.run(all_of_them())))


def test_even_playing_is_even(seen):
    even = seen["even"]
    assert (even["at_begin"], even["at_end"], even["first_ms"]["n"]) == (4, 4, 4)
    assert (even["holes"], even["broken_copies"], even["lost"], even["errors"]) == (0, 0, 0, 0)
    assert even["copies"] >= 2 * 3 and even["late_ms"]["n"] >= 4 * 3
    assert even["status_ms"]["n"] >= 4 * (SECONDS - 1) and even["pong_ms"]["n"] >= 4
    assert even["late_ms"]["p50"] < 200


def test_a_late_chunk_is_late_by_so_much(seen):
    # less by what the first chunk, from which lateness counts, came late itself
    assert 600 < seen["late"]["late_ms"]["max"] < 1500 and seen["late"]["copies"] == 0


def test_wrong_positions_are_holes(seen):
    assert seen["skewed"]["holes"] >= 3


def test_a_copy_that_is_none_is_seen(seen):
    assert seen["no copy"]["broken_copies"] == 1


def test_first_chunks_are_timed(seen):
    assert seen["first"]["first_ms"]["n"] == 5 and seen["first"]["lost"] == 0


def test_time_to_air_counts_from_the_schedule(seen):
    """The scripted server says that each update holds from sample 0: long before it was sent."""
    update = seen["update"]
    assert update["air_ms"]["n"] == 3 and update["air_ms"]["max"] < -5000 and update["changed_sent_audio"] == 3


@pytest.mark.parametrize("words", [(), ("play",), ("first", "a", "b", "c")])
def test_wrong_usage_is_told(words):
    async def run():
        process = await asyncio.create_subprocess_exec(LOAD, *words, stderr=asyncio.subprocess.PIPE)
        return (await process.communicate())[1], process.returncode
    told, code = asyncio.run(run())
    assert code == 2 and told.startswith(b"usage:")
