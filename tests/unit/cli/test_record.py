"""`reflection record` and `recordings` on a platform of its own (with_platform.py): bit-exact takes,
the end by hand, the level on a terminal, and a platform that dies under a recording."""
import array
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import time
import wave

REFLECTION = str(pathlib.Path(os.environ["REFLECTION_BIN"]) / "reflection")
WORK = pathlib.Path(os.environ["WORK"])
RATE = 16000


def ramp(first, n):
    """Samples that spell their frame."""
    return array.array("h", ((31 * f) % 65536 - 32768 for f in range(first, first + n))).tobytes()


def run(*words, data=b"", code=0, **more):
    done = subprocess.run([REFLECTION, *words], input=data, capture_output=True, timeout=60, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def record(*words, data=b"", **more):
    return json.loads(run("record", "--json", *words, data=data, **more)[0])


def frames_of(path):
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def cut_pcm(session, *words):
    out = WORK / "cut.pcm"
    run("recordings", "cut", session, "--format", "pcm", "--out", str(out), *words)
    return out.read_bytes()


def test_a_file_is_stored_to_the_bit():
    source, copy = WORK / "in.wav", WORK / "copy.wav"
    data = bytes(range(256)) * 600
    with wave.open(str(source), "wb") as file:
        file.setparams((2, 3, 48000, 0, "NONE", ""))
        file.writeframes(data)
    out, error = run("record", "--file", str(source), "--prefix", "a", "--prefix", "b/c", "--out", str(copy))
    lines = dict(line.split(None, 1) for line in out.splitlines())
    assert lines["key"].startswith("recordings/a/b/c/") and lines["key"].endswith(".wav"), out
    assert lines["duration"] == "0:00.5 (25600 frames)", out
    assert frames_of(copy) == data
    assert error == "", "quiet where there is no terminal"


def test_standard_input_is_raw_or_wav():
    s = record("-", "--rate", "8000", "--channels", "2", "--sample-format", "float32", data=bytes(8 * 800))
    assert (s["sample_rate"], s["channels"], s["sample_format"], s["frame_count"]) == (8000, 2, "float32", 800)
    wav = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    s = record("-", "--rate", "8000", data=wav + b"data\xff\xff\xff\xff" + ramp(0, 5000) + b"x")
    assert (s["sample_rate"], s["frame_count"]) == (RATE, 5000)
    assert cut_pcm(s["session"]) == ramp(0, 5000)
    s = record("-", "--seconds", "0.25", "--format", "flac", data=ramp(0, RATE))
    assert s["frame_count"] == 4000 and s["key"].endswith(".flac")
    assert record("-")["frame_count"] == 0, "a take without audio is one too"


def start_recording(**more):
    return subprocess.Popen([REFLECTION, "record", "--json", "-"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, **more)


def await_frames(process, n):
    end = time.monotonic() + 20
    recording = ("recordings", "list", "--state", "RECORDING", "--json")
    while not any(s["frames"] >= n for s in json.loads(run(*recording)[0])):
        assert time.monotonic() < end and process.poll() is None


def test_ctrl_c_stops_and_stores():
    process = start_recording()
    process.stdin.write(ramp(0, 4000))
    process.stdin.flush()
    await_frames(process, 4000)
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    s = json.loads(out)
    assert (s["frame_count"], s["state"], s["end_reason"]) == (4000, "STORED", "stop")


def test_a_terminal_shows_time_and_level():
    ours, theirs = pty.openpty()
    process = start_recording(stderr=theirs)
    process.stdin.write(struct.pack("<h", 16384) * 8000)
    process.stdin.flush()
    seen = b""
    while b"dBFS" not in seen:
        assert select.select([ours], [], [], 20)[0], seen
        seen += os.read(ours, 4096)
    process.stdin.close()
    assert process.wait(30) == 0
    line = seen[seen.index(b"\x1b[K") + 3:].split(b"\r")[0].decode()
    assert line.startswith("0:00.") and " -6.0 dBFS  safe 0:00." in line and "[####" in line, line


def survives_the_death_of(service):
    """S8: every frame once, although the process was killed in the middle."""
    ready = json.loads(pathlib.Path(os.environ["REFLECTION_READY"]).read_text())
    process = start_recording()
    for turn in range(8):
        process.stdin.write(ramp(turn * 2000, 2000))
        process.stdin.flush()
        if turn == 3:
            await_frames(process, 2000)
            os.kill(ready["pids"][service], signal.SIGKILL)
        time.sleep(0.05)
    out = process.communicate(timeout=50)[0]
    assert process.returncode == 0, out
    s = json.loads(out)
    assert s["frame_count"] == 16000, s
    assert json.loads(run("recordings", "show", s["session"], "--json")[0])["gaps"] == []
    assert cut_pcm(s["session"]) == ramp(0, 16000)


def test_a_gateway_that_dies_costs_nothing():
    survives_the_death_of("gateway")


def test_a_recorder_that_dies_costs_nothing():
    survives_the_death_of("recorder")


def test_recordings_are_listed_shown_cut_and_drawn():
    s = record("-", "--prefix", "meeting", data=ramp(0, RATE))
    listed = json.loads(run("recordings", "list", "--prefix", "recordings/meeting", "--json")[0])
    assert [r["id"] for r in listed] == [s["session"]]
    assert s["session"] in run("recordings", "list", "--limit", "1")[0]
    shown = run("recordings", "show", s["session"])[0]
    assert s["key"] in shown and "STORED, ended by stop" in shown and "(16000 frames, 16000 safe)" in shown
    assert json.loads(run("recordings", "show", s["session"], "--json")[0])["frames"] == RATE
    assert cut_pcm(s["session"], "--from", "f:100", "--to", "0:00.5") == ramp(100, 7900)
    assert cut_pcm(s["session"], "--from", "0.5", "--to", "1:00:00", "--clip") == ramp(8000, 8000)
    _, error = run("recordings", "cut", s["session"], "--to", "90", "--out", str(WORK / "no.wav"), code=1)
    assert "there are frames 0 to 16000" in error and not (WORK / "no.wav").exists(), error
    peaks = json.loads(run("recordings", "peaks", s["session"], "--spp", "1000")[0])
    assert peaks["length"] == 16 and peaks["samples_per_pixel"] == 1000
    run("recordings", "peaks", s["session"], "--out", str(WORK / "p.dat"), "--bits", "16")
    assert struct.unpack("<iIiiII", (WORK / "p.dat").read_bytes()[:24]) == (2, 0, RATE, 256, 63, 1)
    info = json.loads(run("recordings", "play-info", s["session"], "--json")[0])
    played = subprocess.run(["curl", "-sSf", "--cacert", info["ca_file"], "-H",
                             "Authorization: Bearer " + os.environ["REFLECTION_API_KEY"], info["url"]],
                            capture_output=True, check=True).stdout
    assert info["content_type"] == "audio/wav" and played[:4] == b"RIFF" and ramp(0, RATE) in played


def test_errors_name_field_and_limit():
    _, error = run("recordings", "show", 32 * "0", code=1)
    assert "HTTP 404" in error
    _, error = run("record", "-", "--option", "peaks_spp=1", code=1)
    assert "options.peaks_spp: 2 to 65536" in error, error
    _, error = run("record", "-", "--prefix", ".hidden", code=1)
    assert "must not start with" in error
    _, error = run("record", "-", code=4, env=dict(os.environ, REFLECTION_API_KEY="wrong"))
    assert "REFLECTION_API_KEY" in error
    _, error = run("record", "-", code=3, env=dict(os.environ, REFLECTION_URL="https://127.0.0.1:1"))
    assert "reflection up" in error
    _, error = run("record", "-", data=b"RIFF\0\0\0\0WAVEdata\0\0\0\0", code=1)
    assert "samples before their format" in error, error


def main():
    failed = 0
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            try:
                test()
            except Exception as error:  # every test is told of
                failed += 1
                print(f"FAILED {name}: {type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(failed > 0)


main()
