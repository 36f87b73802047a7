"""A1 to A3 of jam.md on a platform of its own: the published clients play at once for a minute, with
REFLECTION_LONG=1 for an hour, and what each played is judged: the document's page (A1) and its Python
client (A2), the tester's page in text and in binary mode (A3).

The conditions of A1 to A3 ask for an unloaded machine. When a page runs dry and this very machine
stood still just before, the run says nothing and is made again; when three do, the test is skipped."""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import client
import judge
import rig
import takes

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 3600 if rig.LONG else 60
RENDER_MAX_S = 600
TRIES = 3
UPDATE_S = 7
PLAN_SPREAD_S = 0.001
SUM_ERROR = 1e-6
EXCESS_SHARE, EXCESS_LEAST = 0.02, 5  # by chance, of joins on which notes fall
STALL_BEFORE_S = 2.5  # of a dry page: a chunk and its cushion


def page_name(kind, url, **query):
    return f"{kind}.html?" + "&".join(f"{k}={v}" for k, v in {**query, "socket": url}.items())


async def open_pages(folder, port, pages):
    words = ["node", HERE / "pages.mjs", folder, str(SECONDS), "--port", str(port),
             *(f"{name}={address}" for name, address in pages.items())]
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait() != 0:
        raise RuntimeError(f"pages.mjs ended with {process.returncode}")
    return [takes.PageReceived(folder, name) for name in pages]


async def run_client(folder, platform):
    os.environ["SSL_CERT_FILE"] = platform.ca_file  # the one change besides the host
    received = takes.ClientReceived(folder, "python", time.monotonic)
    try:
        await asyncio.wait_for(client.run(platform.wss, received.on_message), SECONDS)
    except asyncio.TimeoutError:
        pass
    return received.done()


def pages_of(platform):
    tester = {f"tester-{mode}": page_name("tester", platform.ws, binary=binary, update_s=UPDATE_S)
              for mode, binary in (("text", 0), ("binary", 1))}
    return {"page": page_name("page", platform.wss), **tester}


async def play(folder, port, platform):
    return await asyncio.gather(open_pages(folder, port, pages_of(platform)), run_client(folder, platform))


def reference_of(platform, received, params, sent):
    """The same music in one piece: the service's one-shot render of seed and control log."""
    seconds = min(received.take.end / judge.RATE, RENDER_MAX_S)
    started = received.first("started")
    updates = [u for u in received.updates(sent) if u["at_sample"] < seconds * judge.RATE]
    data = platform.render({**params, "seed": started["seed"]}, round(seconds, 2), updates)
    return judge.wav_f32(data)


def judge_stream(received, reference, overlap):
    """What holds for every client: order, the copy rule, the stream's bits, clicks; and figures."""
    take = received.take
    found = []
    if take.overlap != overlap:
        found.append(f"overlap of {take.overlap} samples, not {overlap}")
    if take.end < (SECONDS - 6) * judge.RATE:
        found.append(f"only {take.end / judge.RATE:.1f} s of music in {SECONDS} s")
    errors = [m for _, m in received.messages if m["type"] in ("error", "stopped")]
    if errors or received.closed is not None:
        found.append(f"ended early: {errors} {received.closed}")
    if take.holes():
        found.append(f"chunks out of order or place: {take.holes()[:5]}")
    if take.broken_copies():
        found.append(f"overlaps that are no copies: chunks {take.broken_copies()[:5]}")
    same, wrong = judge.same_bits(take, reference)
    if wrong is not None or same == 0:
        found.append(f"other than the one-shot render from sample {wrong} on")
    # Beyond the one-shot render nobody says where notes start; the stream as sent stands in.
    alone = lambda low, high: reference[low:high] if high <= len(reference) else take.stream(low, high)
    read = take.played if take.chunks[0].envelope else take.stream
    flagged = judge.clicks(read, take.joins(), take.overlap, take.end, alone)
    if flagged:
        found.append(f"clicks at {flagged[:5]}")
    excess = judge.excess_clicks(take, len(reference))
    if excess > EXCESS_SHARE * len(take.chunks) + EXCESS_LEAST:
        found.append(f"{excess} joins too many jump after the one-shot render's end")
    figures = {"chunks": len(take.chunks), "music_s": take.end / judge.RATE, "joins": len(take.joins()),
               "clicks": len(flagged), "bits_compared_s": same / judge.RATE,
               **judge.schedule([r["at_s"] for r in received.records], take.starts),
               "lead_ms_min": min(r["lead_ms"] for r in received.records), **judge.levels(take)}
    return found, figures


def judge_page(received):
    """What A1 asks of a page's plan."""
    found = []
    take = received.take
    rates = {(r["rate"], r["channels"]) for r in received.records}
    if rates != {(judge.RATE, 2)}:
        found.append(f"decoded as {rates}")
    if any(r["length"] != r["samples"] for r in received.records):
        found.append("the browser decodes other lengths than metadata.samples")
    spread = received.plan_spread_s()
    if spread >= PLAN_SPREAD_S:
        found.append(f"scheduled start minus start_sample moves by {1000 * spread:.3f} ms")
    error = played_error(take)
    if error > SUM_ERROR:
        found.append(f"the page plays something else by {error:.2g}")
    return found, {"plan_spread_ms": 1000 * spread, "played_error": error,
                   "least_cushion_ms": 1000 * received.least_cushion_s()}


def played_error(take):
    """The page's mix against overlap-add, from the end of its first fade on."""
    worst = 0.0
    for begin, block in take.blocks(read=take.played):
        other = take.stream(begin, begin + len(block))
        skip = max(take.overlap - begin, 0)
        worst = max(worst, float(abs(block[skip:].astype(float) - other[skip:]).max()))
    return worst


def stood_still(folder, received, index):
    """Whether the machine stalled in the time that chunk `index` was to come."""
    at_ms = received.records[index]["at_ms"]
    stalls = json.loads((pathlib.Path(folder) / "stalls.json").read_text())
    return [length for begin, length in stalls
            if at_ms - 1000 * STALL_BEFORE_S < begin + length and begin < at_ms]


def judge_all(folder, platform, pages, python):
    """The faults by client; None when a page ran dry while the machine stood still."""
    faults = {}
    for page in pages:
        dry = page.cushions()[1:]
        if dry and stood_still(folder, page, dry[0]):
            print(f"{page.name}: ran dry at chunk {dry[0]} while the machine stood still for"
                  f" {stood_still(folder, page, dry[0])} ms", flush=True)
            return None
        start = page.sent[0]["params"]
        reference = reference_of(platform, page, start, page.sent[1:])
        overlap = 1200 if page.name == "page" else 1920
        found, figures = judge_stream(page, reference, overlap)
        more, plan = judge_page(page)
        found += more + ([f"a second start cushion at chunks {dry[:5]}"] if dry else [])
        tell(page.name, found, {"cushions": len(page.cushions()), **plan, **figures})
        faults[page.name] = found
    reference = reference_of(platform, python, client.START["params"], [])
    found, figures = judge_stream(python, reference, 1200)
    found += python.faults[:5]
    tell(python.name, found, figures)
    faults[python.name] = found
    return faults


def tell(name, found, figures):
    words = "  ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
    print(f"{'FAIL' if found else 'ok  '}  {name}: {words}", flush=True)
    for fault in found:
        print(f"      {fault}", flush=True)


def attempt():
    port = rig.free_port()
    with tempfile.TemporaryDirectory(prefix="reflection-takes-") as folder, rig.Platform(
            "gateway.jam.allow_anonymous=true", "gateway.jam.anonymous_per_address=4",
            "jam.jam.anonymous_per_address=4",
            f"gateway.jam.allowed_origins=http://127.0.0.1:{port}") as platform:
        health = platform.json("GET", "/health")
        assert health["ok"] is True and health["status"] == "ready" and health["mode"] == "rt", health
        pages, python = asyncio.run(play(folder, port, platform))
        return judge_all(folder, platform, pages, python)


def main():
    for _ in range(TRIES):
        faults = attempt()
        if faults is not None:
            sys.exit(1 if any(faults.values()) else 0)
    print(f"SKIPPED: this machine stands still too often for {TRIES} runs to say anything", flush=True)
    sys.exit(rig.SKIPPED)


if __name__ == "__main__":
    main()
