"""Runs inside the platform of test_command.c: the microphone has a tone of 1 kHz at a quarter of full scale."""
import array
import json
import math
import os
import pathlib
import signal
import subprocess
import time
import wave

REFLECTION = str(pathlib.Path(os.environ["REFLECTION_BIN"]) / "reflection")
COPY = pathlib.Path(os.environ["WORK"]) / "copy.wav"
SHAPE = ("--rate", "48000", "--channels", "2")
LEVEL_DB = 20 * math.log10(0.25 / math.sqrt(2))


def run(*words, code=0):
    done = subprocess.run([REFLECTION, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (words, done)
    return done.stdout, done.stderr


devices = json.loads(run("devices", "--json")[0])
assert [d["is_default"] for d in devices].count(True) == 1, devices
assert devices[0]["name"] in run("devices")[0]

# A tone of the right level for the last second, and as much audio as was asked for.
taken = json.loads(run("record", "--device", *SHAPE, "--seconds", "1.5", "--json", "--out", str(COPY))[0])
assert 72000 <= taken["frame_count"] < 96000 and taken["sample_format"] == "int16", taken
with wave.open(str(COPY)) as file:
    assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 48000, taken["frame_count"])
    samples = array.array("h", file.readframes(file.getnframes()))[-96000:]
level_db = 10 * math.log10(sum(x * x for x in samples) / len(samples) / 32768**2)
assert abs(level_db - LEVEL_DB) < 0.1, level_db

# By number, and ended by hand.
process = subprocess.Popen([REFLECTION, "record", "--device", str(devices[0]["index"]), *SHAPE, "--json"],
                           stdout=subprocess.PIPE)
end = time.monotonic() + 20
while not any(s["frames"] > 4800 for s in json.loads(run("recordings", "list", "--state", "RECORDING", "--json")[0])):
    assert time.monotonic() < end and process.poll() is None
process.send_signal(signal.SIGINT)
stopped = json.loads(process.communicate(timeout=30)[0])
assert process.returncode == 0 and stopped["end_reason"] == "stop" and stopped["frame_count"] > 4800, stopped

assert "is not there" in run("record", "--device=99", "--seconds", "1", code=1)[1]
