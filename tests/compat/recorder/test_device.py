"""The published example on a microphone: a PulseAudio of the test's own with a null sink (spec section 2), into which a
tone is played. Runs in the environment that the wheels were installed into."""
import array
import asyncio
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import rig
import seed
from reflection.recorder import AudioConfig, AudioRecorder, PlatformStore

RATE = 48000
TONE_HZ, LEVEL, TONE_S = 1000, 0.25, 12
AWAKE_BYTES = 19200
SECONDS = 3


class Microphone:
    """The null sink vmic, whose monitor is the default source; awake, with a tone in it."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rf-vmic-"))
        self.environment = {k: v for k, v in os.environ.items() if k not in ("PULSE_SOURCE", "DBUS_SESSION_BUS_ADDRESS")}
        self.environment |= {"HOME": str(self.root), "XDG_RUNTIME_DIR": str(self.root), "PULSE_RUNTIME_PATH": str(self.root),
                             "PULSE_STATE_PATH": str(self.root), "PULSE_SERVER": f"unix:{self.root}/socket"}
        (self.root / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n"
                                             "pcm.pulse { type pulse }\nctl.pulse { type pulse }\n")
        self._processes = []
        self._spawn("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--realtime=no",
                    "--high-priority=no", "--log-target=null",
                    "--load=module-null-sink sink_name=vmic rate=48000 channels=2 format=s16le",
                    f"--load=module-native-protocol-unix auth-anonymous=1 socket={self.root}/socket")
        rig.wait_until(lambda: self._ctl("info"), 20, "PulseAudio")
        self._ctl("set-default-sink", "vmic")
        self._ctl("set-default-source", "vmic.monitor")
        awake = self.root / "awake.raw"
        self._spawn("parec", "--device=vmic.monitor", "--latency-msec=10", "--raw", awake)
        rig.wait_until(lambda: awake.exists() and awake.stat().st_size > AWAKE_BYTES, 20, "sound of the sink")
        self._play()
        rig.wait_until(lambda: any(awake.read_bytes()[-AWAKE_BYTES:]), 20, "the tone")

    def _spawn(self, *words):
        self._processes.append(subprocess.Popen(words, env=self.environment, stdin=subprocess.DEVNULL,
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _ctl(self, *words):
        return subprocess.run(["pactl", *words], env=self.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def _play(self):
        tone = array.array("h")
        for i in range(TONE_S * RATE):
            tone.extend([round(LEVEL * math.sin(2 * math.pi * TONE_HZ * i / RATE) * 32767)] * 2)
        (self.root / "tone.raw").write_bytes(tone.tobytes())
        self._spawn("pacat", "--playback", "--device=vmic", "--latency-msec=500", "--raw", "--rate=48000", "--channels=2",
                    "--format=s16le", self.root / "tone.raw")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.root, ignore_errors=True)


def tone_share_and_level_db(samples, rate):
    """Share of the power that is the tone's, and its level against what was played, in dB."""
    n = len(samples) - len(samples) % (rate // 100)
    re = im = power = 0.0
    for i in range(n):
        value = samples[i] / 32768
        phase = 2 * math.pi * TONE_HZ * i / rate
        re += value * math.cos(phase)
        im += value * math.sin(phase)
        power += value * value
    amplitude = 2 * math.hypot(re, im) / n
    return amplitude * amplitude / 2 * n / power, 20 * math.log10(amplitude / LEVEL)


async def the_example_hears_the_microphone_A1_S2(platform):
    """A1, S2: unchanged on the default device; its loop ends when the session is stopped, from elsewhere, after 3 s."""
    heard = []

    async def send_to_api(chunk):
        heard.append(chunk)
        if len(heard) == SECONDS:
            session = platform.json("GET", "/v1/recordings?state=RECORDING")["items"][0]["id"]
            await asyncio.to_thread(platform.json, "POST", f"/v1/recordings/{session}:stop")

    names = await seed.run(PlatformStore(), send_to_api)
    segment = await names["segment"].load()
    samples = array.array("h", segment.frames)
    assert SECONDS * 1000 <= segment.duration_ms <= SECONDS * 1000 + 3000, segment
    assert len(samples) * 1000 // 16000 in (segment.duration_ms, segment.duration_ms - 1)
    share, level_db = tone_share_and_level_db(samples[8000:40000], 16000)
    assert share >= 0.999, f"{share:.5f} of the power is the tone"
    assert abs(level_db) <= 0.1, f"the level is off by {level_db:.3f} dB"
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-"], input=b"".join(heard),
                             capture_output=True, check=True)
    assert decoded.stderr == b"" and 0 <= len(decoded.stdout) // 2 - len(samples) <= 2 * 1152
    return f"{share:.5f} of the power in band, {level_db:+.4f} dB"


async def devices_are_listed_S5(platform):
    """S5: dicts with index, name, channels and default_rate; a device by its index."""
    async with AudioRecorder(PlatformStore()) as recorder:
        devices = recorder.list_input_devices()
        assert devices and all({"index", "name", "channels", "default_rate"} <= set(d) for d in devices), devices
    index = next(d["index"] for d in devices if "pulse" in d["name"])
    async with AudioRecorder(PlatformStore(), AudioConfig(input_device_index=index)) as recorder:
        await recorder.start("index")
        async for chunk in recorder.stream(chunk_size=1600):
            assert len(chunk) == 3200
            break
        assert (await recorder.stop()).duration_ms >= 100
    async with AudioRecorder(PlatformStore(), AudioConfig(input_device_index=999)) as recorder:
        await rig.raises_in(RuntimeError, recorder.start("none"), code="DEVICE_UNAVAILABLE")
    return ", ".join(d["name"] for d in devices)


def has_devices(platform):
    """Why not, else None."""
    status, _, data = platform.call("GET", "/v1/recorder/devices")
    return None if status == 200 else f"GET /v1/recorder/devices: {status} {data[:200].decode(errors='replace')}"


def main():
    for program in ("pulseaudio", "pactl", "parec", "pacat"):
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed", file=sys.stderr)
            return rig.SKIPPED
    with Microphone() as microphone, rig.Platform(environment=microphone.environment) as platform:
        why = has_devices(platform)
        if why is not None:
            print(f"SKIPPED: this platform has no devices: {why}", file=sys.stderr)
            return rig.SKIPPED
        os.environ.update(platform.client())
        return platform.run([devices_are_listed_S5, the_example_hears_the_microphone_A1_S2])


if __name__ == "__main__":
    sys.exit(main())
