"""The pages in a real browser against a scripted server: good playing passes, every fault is seen."""
import asyncio
import pathlib
import tempfile

import pytest

import judge
import takes
from scripted import HOP, Scripted

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 12
SERVERS = {
    "page": ("page", 0, Scripted(1200)),
    "text": ("tester", 0, Scripted(1920)),
    "binary": ("tester", 1, Scripted(1920)),
    "late": ("page", 0, Scripted(1200, late={3: 2.5})),
    "wide": ("page", 0, Scripted(1920)),
    "step": ("page", 0, Scripted(1200, step=3)),
    "skewed": ("page", 0, Scripted(1200, skewed=24)),
}


async def watch(folder):
    words = ["node", HERE / "pages.mjs", folder, str(SECONDS)]
    servers = []
    for name, (page, binary, scripted) in SERVERS.items():
        server, url = await scripted.serve()
        servers.append(server)
        words.append(f"{name}={page}.html?binary={binary}&update_s=5&socket={url}")
    process = await asyncio.create_subprocess_exec(*words)
    code = await process.wait()
    for server in servers:
        server.close()
    assert code == 0


@pytest.fixture(scope="module")
def pages():
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(watch(folder))
        yield {name: takes.PageReceived(folder, name) for name in SERVERS}


def clicks(page):
    return judge.clicks(page.take.played, page.take.joins(), page.take.overlap, page.take.end)


def error(page):
    take = page.take
    return max(float(abs(block[max(take.overlap - begin, 0):] -
                         take.stream(begin, begin + len(block))[max(take.overlap - begin, 0):]).max())
               for begin, block in take.blocks(read=take.played))


@pytest.mark.parametrize("name", ["page", "text", "binary"])
def test_good_playing_passes(pages, name):
    page = pages[name]
    assert len(page.take.chunks) >= 5 and page.take.holes() == [] and page.take.broken_copies() == []
    assert {(r["rate"], r["channels"]) for r in page.records} == {(judge.RATE, 2)}
    assert page.plan_spread_s() < 0.001 or page.cushions() != [0]
    assert clicks(page) == [] and error(page) < 1e-6
    assert page.first("started")["seed"] == 1


@pytest.mark.parametrize("name", ["page", "text", "binary"])
def test_what_the_browser_decodes_is_what_was_sent(pages, name):
    take = pages[name].take
    for chunk in take.chunks:
        sent = judge.wav_f32(SERVERS[name][2].chunk(chunk.index)[0])
        assert sent.tobytes() == chunk.samples.copy(order="C").tobytes()


def test_a_late_chunk_makes_a_second_cushion(pages):
    assert 3 in pages["late"].cushions() and pages["late"].plan_spread_s() > 0.1


def test_an_overlap_that_is_not_the_page_s_is_seen(pages):
    assert pages["wide"].plan_spread_s() > 0.01 and error(pages["wide"]) > 0.001


def test_a_step_is_heard_as_a_click_and_breaks_the_copy(pages):
    assert clicks(pages["step"]) == [3 * HOP + 1200]
    assert pages["step"].take.broken_copies() == [4]


def test_positions_that_are_told_wrong_are_seen(pages):
    assert pages["skewed"].take.holes() != [] and pages["skewed"].plan_spread_s() > 0.001


def test_the_tester_moves_its_sliders(pages):
    sent = pages["text"].sent
    assert [m["type"] for m in sent[:3]] == ["start", "update", "update"]
    assert sent[1]["style_weights"] == "" and "use_current_mix_as_style" in sent[1]
    assert "mean" in sent[0]["params"] and sent[0]["params"]["centroid_weights"] == ""
