"""A4: the event loop is never held for more than 5 ms (p99) by a recorder that does all it can.

A clock in the loop asks to be called every millisecond; how late it is called, less the time for which the kernel gave the
processor to others, and less what a loop beside it that does nothing is late, is how long the loop was held. What
else the machine does only adds to that, so the best of five runs counts. The measure is shown to see a loop that is held.
"""
import asyncio
import os
import pathlib
import subprocess
import sys
import threading
import time

import pattern
import rig
from reflection.recorder import AudioConfig, AudioFormat, AudioRecorder, PlatformStore

LIMIT_MS = 5.0
PERIOD_S = 0.001
RUNS = 5


class Clock:
    """Lateness of the running loop in ms, sampled until it is stopped."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._waits = open(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self.late_ms = []
        self._arm()

    def _waited_ns(self):
        self._waits.seek(0)
        return int(self._waits.read().split()[1])

    def _arm(self):
        self._due = time.monotonic_ns() + int(PERIOD_S * 1e9)
        self._before = self._waited_ns()
        self._handle = self._loop.call_later(PERIOD_S, self._tick)

    def _tick(self):
        late_ns = time.monotonic_ns() - self._due - (self._waited_ns() - self._before)
        self.late_ms.append(max(late_ns, 0) / 1e6)
        self._arm()

    def stop(self):
        self._handle.cancel()
        self._waits.close()

    def p99(self):
        return sorted(self.late_ms)[int(0.99 * len(self.late_ms))]


class Bystander:
    """A process whose loop has nothing to do but its clock."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, __file__, "--bystander"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        self._process.stdout.readline()  # it runs

    def p99(self):
        """Of its whole life, which ends."""
        return float(self._process.communicate(timeout=20)[0])


async def stand_by():
    """Until the end of standard input."""
    clock = Clock()
    print("stands by", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    clock.stop()
    print(clock.p99(), flush=True)


async def the_measure_sees_a_loop_that_is_held(platform):
    """Held for 12 ms in 1 of 20 rounds."""
    clock = Clock()
    for i in range(200):
        await asyncio.sleep(0.002)
        if i % 20 == 0:
            time.sleep(0.012)
    for _ in range(20):
        time.sleep(0.012)
        await asyncio.sleep(0)
    clock.stop()
    assert clock.p99() > LIMIT_MS, clock.p99()


async def record():
    """Start to end over TLS with 4 streams, extracts of 8 MB, a foreign store's fetch, devices and clearing; its clock."""
    data = pattern.pcm("int16", 2, 0, 48000)
    clock = Clock()
    recorder = AudioRecorder(PlatformStore(), AudioConfig(channels=2, rate=48000, chunk=4800))
    recorder.options.source = "network"
    await recorder.init()
    await recorder.start("loop")

    async def read(format):
        return sum([len(chunk) async for chunk in recorder.stream(4800, format)])

    formats = (AudioFormat.PCM, AudioFormat.WAV, AudioFormat.MP3, AudioFormat.OPUS)
    readers = [asyncio.create_task(read(format)) for format in formats]
    for i in range(40):
        await recorder.write(data)
        await asyncio.sleep(0.02)
        if i % 10 == 0:
            try:
                recorder.list_input_devices()
            except (PermissionError, RuntimeError):
                pass
    segment = await recorder.stop()
    sizes = [await reader for reader in readers]
    assert sizes[0] == 40 * len(data), sizes
    for _ in range(3):
        assert len(await recorder.segment(segment.started_at, segment.ended_at)) == 40 * len(data)
    recorder.clear_frames()
    await segment.load()
    await recorder.close()
    clock.stop()
    assert len(clock.late_ms) > 500, len(clock.late_ms)
    return clock


async def the_loop_is_not_held_A4(platform):
    """A4."""
    told = []
    for _ in range(RUNS):
        beside = Bystander()
        clock = await record()
        idle_ms = beside.p99()
        held_ms = clock.p99() - idle_ms
        told.append(f"p99 {held_ms:.2f} ms, {idle_ms:.2f} of a loop beside it, longest {max(clock.late_ms):.1f} ms")
        if held_ms <= LIMIT_MS:
            return told[-1]
    raise AssertionError("; ".join(told))


if __name__ == "__main__":
    assert pathlib.Path("/proc/self/schedstat").exists(), "this kernel tells no waiting times"
    if sys.argv[1:] == ["--bystander"]:
        sys.exit(asyncio.run(stand_by()))
    with rig.Platform() as platform:
        os.environ.update(platform.client())
        sys.exit(platform.run([the_measure_sees_a_loop_that_is_held, the_loop_is_not_held_A4]))
