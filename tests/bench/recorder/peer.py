"""The published recorder's way of working, restated from its documentation for comparison: each buffer of the sound
library becomes a frame object in a list; stream() gives every chunk to a process of its own for encoding and finds its
place in the list by counting from the front; segment() scans the list for times; stop() joins the list and encodes it
once more. Where the document leaves a choice, the cheaper one is taken here.

    peer.py MINUTES CHUNKS EXTRACTS    prints one line of JSON"""
import asyncio
import datetime
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
import wave

RATE, BLOCK = 16000, 1024


class AudioFrame:
    __slots__ = ("timestamp", "data")

    def __init__(self, timestamp, data):
        self.timestamp = timestamp
        self.data = data


def encode(pcm, form):
    """A process a chunk, fed and read through pipes."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0", "-f",
                           form, "-b:a", "128k", "pipe:1"], input=pcm, stdout=subprocess.PIPE, check=True)
    return done.stdout


class Recorder:
    def __init__(self):
        self.frames = []
        self.noise = os.urandom(2 * RATE)

    def feed(self, minute):
        """A minute of buffers, as the sound library's callback would add them."""
        begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=minute)
        for i in range(60 * RATE // BLOCK):
            at = begin + datetime.timedelta(seconds=i * BLOCK / RATE)
            start = i * 62 % (len(self.noise) - 2 * BLOCK) & ~1
            self.frames.append(AudioFrame(at, bytes(self.noise[start:start + 2 * BLOCK])))

    async def stream(self, position, chunk):
        """Chunks from sample `position`, each encoded off the event loop."""
        loop = asyncio.get_running_loop()
        while True:
            seen, parts = 0, []
            for frame in self.frames:
                size = len(frame.data) // 2
                if seen + size > position and seen < position + chunk:
                    parts.append(frame.data[max(position - seen, 0) * 2:(position + chunk - seen) * 2])
                seen += size
            if seen < position + chunk:
                return
            position += chunk
            yield await loop.run_in_executor(None, encode, b"".join(parts), "mp3")

    def segment(self, started_at, ended_at):
        return b"".join(f.data for f in self.frames if started_at <= f.timestamp < ended_at)

    def stop(self):
        pcm = b"".join(f.data for f in self.frames)
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm)
        return pcm, out.getvalue()


def cpu_s():
    return sum(u.ru_utime + u.ru_stime for u in
               (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


async def chunk_ms(recorder, chunks):
    """Processor time a chunk of the last ones of what is recorded."""
    begin, n = cpu_s(), 0
    async for _ in recorder.stream(len(recorder.frames) * BLOCK - chunks * RATE, RATE):
        n += 1
    assert n == chunks, n
    return (cpu_s() - begin) * 1000 / n


def extract_ms(recorder, extracts):
    times = []
    for _ in range(extracts):
        at = random.choice(recorder.frames[:-RATE // BLOCK - 1]).timestamp
        begin = time.perf_counter()
        pcm = recorder.segment(at, at + datetime.timedelta(seconds=1))
        times.append((time.perf_counter() - begin) * 1000)
        assert len(pcm) >= 2 * (RATE - BLOCK)
    return sorted(times)[int(len(times) * 0.99)]


def stop(recorder):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    kept = recorder.stop()
    return (time.perf_counter() - begin) * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, kept


def main():
    minutes, chunks, extracts = (int(word) for word in sys.argv[1:4])
    recorder = Recorder()
    recorder.feed(0)
    first = asyncio.run(chunk_ms(recorder, chunks))
    for minute in range(1, minutes):
        recorder.feed(minute)
    last = asyncio.run(chunk_ms(recorder, chunks))
    p99 = extract_ms(recorder, extracts)
    ms, kib, _ = stop(recorder)
    print(json.dumps({"first_ms": first, "last_ms": last, "extract_p99_ms": p99, "stop_ms": ms, "grown_kib": kib}))


if __name__ == "__main__":
    main()
