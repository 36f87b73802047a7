"""A6: the same cases over the four faces of the recorder; each is judged by the specification, then all by each other.

    conformance.py FACE...    C, RPC, gateway, Python; compares what they found
"""
import hashlib
import json
import os
import pathlib
import re
import sys
import time

import faces
import pattern
import rig

KEY = re.compile(r"^recordings/(.*/)?[0-9a-f]{32}\.(wav|pcm|flac|mp3|opus)$")


def refused(call, code, available=None):
    try:
        call()
    except faces.Refusal as refusal:
        assert refusal.code == code, f"{refusal.code}, not {code}"
        assert available is None or refusal.available == available, f"available {refusal.available}, not {available}"
        return code
    raise AssertionError(f"{code} was not said")


def ns_of(text):
    """RFC 3339 in UTC as ns."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    import calendar
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(decimals.ljust(9, "0") or 0)


def record(face, n_frames, *prefixes, **settings):
    """A session of so many frames, stopped: its segment's document."""
    face.new(**settings)
    face.init()
    key = face.start(*prefixes)
    if n_frames > 0:
        face.publish(n_frames)
    document = face.stop()
    assert document["key"] == key
    return document


def times_of(document, n_frames):
    """UTC in ns, whole microseconds, of frames on the session's frozen time map."""
    piece = document["time_map"][0]
    return lambda frame: (ns_of(piece["at"]) + round(frame * piece["ns_per_frame"])) // 1000 * 1000


# ---- cases ----

def start_and_stop(face):
    """O2, T1: counts, durations and times of takes, an empty one too."""
    found = []
    for n in (0, 1, 7, 8, 16000):
        d = record(face, n, "takes")
        assert d["duration_ms"] == (n * 1000 + 8000) // 16000 and d["frame_count"] == n
        length_ns = ns_of(d["ended_at"]) - ns_of(d["started_at"])
        assert abs(length_ns - n * 62500) <= 62500 * max(n, 1) // 1000 + 1, length_ns
        found.append([d["frame_count"], d["duration_ms"], d["state"], d["end_reason"], d["sequence"]])
        face.close()
    return found


def pcm_bytes(face):
    """S1, L4: what was published is what comes out, of every sample format, live and afterwards."""
    found = {}
    for name in pattern.SAMPLE_BYTES:
        face.new(sample_format=name, channels=2)
        face.init()
        face.start("pcm", name)
        read = face.listen("start", 700, "pcm")
        face.publish(3000)
        d = face.stop()
        chunks = read()
        expected = pattern.kept(name, 2, 0, 3000)
        assert b"".join(chunks) == expected, f"{name}: the stream differs"
        assert [len(c) for c in chunks] == [700 * len(expected) // 3000] * 4 + [200 * len(expected) // 3000]
        found[name] = [d["sample_format"], d["channels"], d["sample_rate"],
                       hashlib.sha256(b"".join(chunks)).hexdigest()]
        face.close()
    return found


def cuts(face):
    """T4: the frames nearest to both times, as bytes and as frame counts."""
    record(face, 8000, "cuts")
    at = times_of(face.document(), 8000)
    found = []
    for first, last in ((0, 8000), (0, 1), (100, 101), (4321, 5432), (7999, 8000)):
        cut = face.segment(at(first) if first > 0 else at(first) + 1000, at(last))
        assert cut == pattern.pcm("int16", 1, first, last - first), f"{first}..{last}: {len(cut) // 2} frames"
        found.append(hashlib.sha256(cut).hexdigest())
    face.close()
    return found


def range_errors(face):
    """T5, T6: outside, reversed, empty and straddling ranges; clip."""
    record(face, 8000, "ranges")
    at, s = times_of(face.document(), 8000), 10**9
    begin, end = at(0), at(8000)
    found = [refused(lambda: face.segment(*pair), "INVALID_ARGUMENT") for pair in ((end, begin), (begin, begin))]
    for pair in ((begin - s, begin - s // 2), (end + s, end + 2 * s), (begin - s, end), (begin, end + s)):
        found.append(refused(lambda: face.segment(*pair), "RANGE_OUTSIDE", [0, 8000]))
    assert face.segment(begin - s, end + s, clip=True) == pattern.pcm("int16", 1, 0, 8000)
    found.append(refused(lambda: face.segment(end + s, end + 2 * s, clip=True), "RANGE_OUTSIDE", [0, 8000]))
    face.close()
    return found


def errors_by_state(face):
    """O1, O2, O3: the table of section 3."""
    found = []
    now = time.time_ns() // 1000 * 1000
    face.new()
    if face.has_recorder:
        found.append(["start before init", refused(lambda: face.start("x"), "NOT_INITIALISED")])
    face.init()
    face.start("states")
    if face.has_recorder:
        found.append(["start twice", refused(lambda: face.start("x"), "ALREADY_RECORDING")])
    refused(lambda: face.segment(now, now + 10**9), "NO_AUDIO")
    face.publish(1000)
    assert [face.resume(), face.pause(), face.pause(), face.resume(), face.resume()] == [1000] * 5
    face.publish(1000)
    face.clear()
    at = times_of(face.document(), 1000)
    refused(lambda: face.segment(at(0) + 1000, at(500)), "NO_AUDIO")
    document = face.stop()
    assert document["frame_count"] == 2000 and len(face.document()["pauses"]) == 1
    for call in (face.pause, face.resume):
        refused(call, "NOT_RECORDING")
    if face.stops_again:
        assert face.stop() == document
    else:
        refused(face.stop, "NOT_RECORDING")
    face.clear()
    refused(lambda: face.segment(at(0) + 1000, at(500)), "NO_AUDIO")
    assert face.document()["state"] == "STORED" and face.document()["cleared_frames"] == 2000
    if face.has_recorder:
        face.close()
        found.append(["start after close", refused(lambda: face.start("x"), "NOT_INITIALISED")])
    return [entry for entry in found if face.has_recorder] or None


def bad_arguments(face):
    """K1, K2 and the limits of a configuration: refused, each with its code."""
    found = []
    for prefix in (".", ".hidden", "a b", "a\\b", "x" * 129):
        face.new()
        face.init()
        found.append(refused(lambda: face.start(prefix), "INVALID_KEY_PART"))

    def begin(**settings):
        face.new(**settings)
        face.init()
        face.start("bad")

    for settings in ({"channels": 9}, {"rate": 7999}, {"chunk": 63}, {"options": {"preroll_ms": -1}}):
        found.append(refused(lambda: begin(**settings), "INVALID_ARGUMENT"))
    return found


def files(face):
    """A5, S5: a file that the platform reads: the stream ends with it, stop() then gives all of it."""
    face.new(source="file", source_name="second.wav@20")
    face.init()
    key = face.start("files")
    data = b"".join(face.listen("start", 1000, "pcm")())
    assert data == pattern.pcm("int16", 1, 0, 16000), len(data)
    d = face.stop()
    assert d["key"] == key and d["sha256"] == face.document()["segments"][0]["sha256"]
    found = [d["frame_count"], d["duration_ms"], d["state"], d["end_reason"], d["bytes"], face.document()["source"]]
    face.close()
    for name, channels, code in (("none.wav", 1, "NOT_FOUND"), ("../second.wav", 1, "INVALID_ARGUMENT"),
                                 ("second.wav", 2, "INVALID_ARGUMENT")):
        face.new(source="file", source_name=f"{name}@20", channels=channels)
        face.init()
        found.append(refused(lambda: face.start("files"), code))
        face.close()
    return found


def metadata(face):
    """D13, K1, T8, T9: keys, stored formats, gaps and markers."""
    found = []
    for store_format in ("wav", "pcm", "flac", "mp3", "opus"):
        face.new(store_format=store_format, channels=2, rate=48000, chunk=4096)
        face.init()
        key = face.start("meta/a", "b")
        assert KEY.match(key) and key.startswith("recordings/meta/a/b/") and key.endswith(f".{store_format}"), key
        face.publish(960)
        face.gap(480)
        face.publish(960)
        face.marker("here", "f:1000")
        d = face.stop()
        whole = face.document()
        gaps = [[g[k] for k in ("start_frame", "length_frames", "cause", "filled", "exact")] for g in whole["gaps"]]
        assert gaps == [[960, 480, "publisher", True, True]], gaps
        found.append([d[k] for k in ("format", "sample_format", "sample_rate", "channels", "frame_count",
                                     "duration_ms", "state", "end_reason", "sequence")] +
                     [gaps, [[m["frame"], m["label"]] for m in whole["markers"]], whole["chunk"], whole["source"],
                      whole["store_format"], len(whole["segments"])])
        if store_format in ("wav", "pcm"):
            found.append(d["bytes"])
        face.close()
    return found


def formats(face):
    """L7: streams and cuts in every format: the same bytes whatever the face (Ogg has random serial numbers)."""
    face.new(rate=48000)
    face.init()
    face.start("formats")
    readers = {format: face.listen("start", 4800, format) for format in ("wav", "flac", "mp3", "opus")}
    face.publish(12000)
    face.stop()
    found = {}
    for format, read in readers.items():
        chunks = read()
        data = b"".join(chunks)
        found[f"stream {format}"] = [len(chunks), len(data)] + (
            [hashlib.sha256(data).hexdigest()] if format != "opus" else [])
    at = times_of(face.document(), 12000)
    for format in ("wav", "flac", "mp3", "opus"):
        data = face.segment(at(2400), at(9600), format=format)
        found[f"cut {format}"] = [len(data)] + ([hashlib.sha256(data).hexdigest()] if format != "opus" else [])
    face.close()
    return found


CASES = (start_and_stop, pcm_bytes, cuts, range_errors, errors_by_state, bad_arguments, files, metadata, formats)


def drive(kind, platform):
    """All cases on one face: what each found, and how many failed."""
    found, failed = {}, 0
    face = kind(platform)
    for case in CASES:
        begin = time.monotonic()
        try:
            found[case.__name__] = case(face)
            print(f"ok    {face.name}: {case.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
        except (AssertionError, faces.Refusal, KeyError, OSError, TimeoutError, json.JSONDecodeError) as error:
            failed += 1
            print(f"FAIL  {face.name}: {case.__name__}: {type(error).__name__}: {error}", flush=True)
            if os.environ.get("TRACE"):
                import traceback
                traceback.print_exc()
            face = kind(platform)
    face.done()
    return found, failed


def compare(results):
    """Cases whose findings differ between two faces."""
    failed = 0
    for case in (case.__name__ for case in CASES):
        said = {name: found[case] for name, found in results.items() if found.get(case) is not None}
        first = next(iter(said), None)
        for name, what in said.items():
            if what != said[first]:
                failed += 1
                print(f"FAIL  {case}: {name} and {first} differ:\n  {what}\n  {said[first]}", flush=True)
    return failed


def main():
    wanted = sys.argv[1:]
    kinds = [kind for kind in faces.ALL if kind.name in wanted]
    assert len(kinds) == len(wanted), f"faces: {', '.join(kind.name for kind in faces.ALL)}"
    with rig.Platform() as platform:
        platform.schema = pathlib.Path(os.environ["RECORDER_SCHEMA"])
        platform.make_wav("second.wav", 1)
        results, failed = {}, 0
        for kind in kinds:
            results[kind.name], bad = drive(kind, platform)
            failed += bad
        failed += compare(results)
    print(f"{len(kinds)} faces, {len(CASES)} cases each, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
