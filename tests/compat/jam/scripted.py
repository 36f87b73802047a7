"""A server that speaks just enough of /ws/jam to show the watcher of the pages good and bad playing:
chords in chunks of two seconds, at their time, with the faults that it is told to make."""
import asyncio
import base64
import json
import struct

import numpy as np
import websockets

import judge

HOP = 2 * judge.RATE


def wav(x):
    size = x.nbytes
    return (b"RIFF" + struct.pack("<I", size + 50) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 18, 3, 2, judge.RATE, judge.RATE * 8, 8, 32) + b"\0\0" +
            b"fact" + struct.pack("<II", 4, len(x)) + b"data" + struct.pack("<I", size) +
            x.astype("<f4").tobytes())


def chords(begin, n):
    """Three held notes a side, from any sample on."""
    t = np.arange(begin, begin + n) / judge.RATE
    sides = [sum(0.05 * np.sin(2 * np.pi * f * t + p) for p, f in enumerate(notes))
             for notes in ((220.0, 277.2, 329.6), (220.5, 277.0, 330.1))]
    return np.stack(sides, axis=1).astype(np.float32)


def text(message):
    return json.dumps(message, separators=(",", ":"))


class Scripted:
    """overlap in samples; late: {chunk: seconds}; step: a chunk whose music jumps where its overlap
    ends; skewed: samples by which each start_sample is told wrong, more with every chunk."""

    def __init__(self, overlap, late=None, step=None, skewed=0):
        self.overlap, self.late, self.step, self.skewed = overlap, late or {}, step, skewed

    def chunk(self, k):
        x = chords(k * HOP, HOP + self.overlap)
        if k == self.step:
            x[self.overlap:] += judge.STEP
        start = k * HOP + k * self.skewed
        return wav(x), {"sample_rate": judge.RATE, "channels": 2, "index": k, "start_sample": start,
                        "crossfade_seconds": self.overlap / judge.RATE, "chunk_frames": 50,
                        "chunk_seconds": 2.0, "samples": len(x), "lead_ms": 0.0, "generation_ms": 1.0}

    async def play(self, socket, binary):
        origin = asyncio.get_running_loop().time()
        for k in range(10_000):
            data, metadata = self.chunk(k)
            due = origin + k * HOP / judge.RATE + self.late.get(k, 0)
            await asyncio.sleep(max(0, due - 0.017 - asyncio.get_running_loop().time()))
            if binary:
                await socket.send(data)
                await socket.send(text({"type": "chunk_meta", "metadata": metadata}))
            else:
                await socket.send(text({"type": "chunk", "audio_base64": base64.b64encode(data).decode(),
                                        "metadata": metadata}))

    async def handle(self, socket):
        start = json.loads(await socket.recv())
        await socket.send(text({"type": "started", "mode": "rt", "seed": 1}))
        playing = asyncio.create_task(self.play(socket, start.get("binary_audio")))
        try:
            async for data in socket:
                message = json.loads(data)
                if message["type"] == "stop":
                    break
                kind = {"ping": "pong", "update": "status"}[message["type"]]
                await socket.send(text({"type": kind, "id": message.get("id"), "applied_at_sample": 0}))
        finally:
            playing.cancel()
        await socket.send(text({"type": "stopped", "reason": "client"}))

    async def serve(self):
        """A server of this kind on a free port, and its address."""
        server = await websockets.serve(self.handle, "127.0.0.1", 0, compression=None)
        return server, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/jam"
