"""reflection-recorder where no platform runs: it starts one of its own from the wheel and ends it, whatever becomes of the
interpreter. Runs in the environment that the wheels were installed into."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import wave

import pattern
import rig

EXAMPLE = """
import asyncio, hashlib, json, os, pathlib
import seed
from reflection.recorder import PlatformStore
chunks = []
async def send_to_api(chunk):
    chunks.append(chunk)
names = asyncio.run(seed.run(PlatformStore(), send_to_api))
segment = names["segment"]
data = pathlib.Path(os.environ["REFLECTION_DATA"]) / "private/0/data"
print(json.dumps({"ms": segment.duration_ms, "sha": hashlib.sha256(segment.frames).hexdigest(), "chunks": len(chunks),
                  "key": segment.key, "up": json.loads((data / "ready.json").read_text())["pids"]["up"]}))
"""
# Publishes and then waits to be killed.
PUBLISHER = """
import asyncio, json, os, pathlib, sys
import pattern
from reflection.recorder import AudioRecorder, PlatformStore
async def main():
    recorder = AudioRecorder(PlatformStore())
    recorder.options.source, recorder.options.attach_window_s = "network", 0
    await recorder.init()
    key = await recorder.start("killed")
    await recorder.write(pattern.pcm("int16", 1, 0, 8000))
    while (await recorder.info())["durable_frames"] < 8000:
        await asyncio.sleep(0.01)
    ready = json.loads((pathlib.Path(os.environ["REFLECTION_DATA"]) / "private/0/data/ready.json").read_text())
    print(json.dumps({"key": key, "pids": ready["pids"]}), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
# Finds what the one before it left, while another platform of this user is private too.
FINDER = """
import asyncio, json, os, sys
from reflection.core import Connection
from reflection.recorder._private import private_platform
async def main():
    async with Connection(private_platform()) as platform:
        for _ in range(500):
            items = (await platform.json("GET", "/v1/recordings"))["items"]
            if all(item["state"] in ("STORED", "RECOVERED") for item in items):
                break
            await asyncio.sleep(0.02)
        print(json.dumps({item["key"]: [item["state"], item["frames"]] for item in items}), flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


def alive(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def environment(root, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REFLECTION_")}
    return {**kept, "HOME": str(root), "REFLECTION_DATA": str(root / "data"), **more}


def the_example_runs_by_itself_A1_A5(root):
    """A1, A5, issue 5: verbatim, with nothing running and no setting but where the sound comes from."""
    (root / "files").mkdir()
    data = pattern.pcm("int16", 1, 0, 32000)
    with wave.open(str(root / "files/two.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(data)
    more = {"REFLECTION_RECORDER_SOURCE": "file:two.wav@1",
            "REFLECTION_RECORDER_RECORDER_FILE_ROOT": str(root / "files")}
    done = subprocess.run([sys.executable, "-c", EXAMPLE], env=environment(root, **more), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ms"] == 2000 and said["sha"] == hashlib.sha256(data).hexdigest() and said["chunks"] >= 2, said
    assert not alive(said["up"]), "the platform is still there"
    return f"{said['chunks']} chunks"


def a_killed_interpreter_loses_nothing_D6(root):
    """D6: its platform ends too; the next interpreter's finishes what was being recorded, beside a second one."""
    first = subprocess.Popen([sys.executable, "-c", PUBLISHER], env=environment(root), stdout=subprocess.PIPE)
    said = json.loads(first.stdout.readline())
    first.send_signal(signal.SIGKILL)
    first.wait()
    for name, pid in said["pids"].items():
        rig.wait_until(lambda: not alive(pid), 30, f"the end of {name}")
    finders = [subprocess.Popen([sys.executable, "-c", FINDER], env=environment(root), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(2)]
    found = [json.loads(finder.stdout.readline()) for finder in finders]
    for finder in finders:
        finder.stdin.close()
        assert finder.wait(40) == 0
    mine = [entry for entry in found if said["key"] in entry]
    assert len(mine) == 1 and mine[0][said["key"]][1] == 8000, found
    return mine[0][said["key"]][0]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rf-private-") as directory:
        code = rig.run_checks([the_example_runs_by_itself_A1_A5, a_killed_interpreter_loses_nothing_D6],
                              pathlib.Path(directory))
        if code != 0:
            for log in pathlib.Path(directory).glob("data/private/*/log"):
                sys.stderr.write("".join(log.read_text(errors="replace").splitlines(True)[-30:]))
    sys.exit(code)
