"""A session that must not notice what happens to others."""
import asyncio
import base64
import time

import judge
import wire

CATCH_UP_S = 30  # that a chunk may take on a machine with other work


class Witness:
    """Plays in realtime while the block runs; at its end every chunk has come, in order, each the
    continuation of the one before, to the bit."""

    def __init__(self, platform, **params):
        self.platform, self.params = platform, params
        self.take = None
        self.ended = None

    async def __aenter__(self):
        self.wire, self.started = await wire.start(self.platform, **self.params)
        assert self.started["type"] == "started", self.started
        self.take = judge.Take(self.started["overlap"])
        await self._chunk()
        self.begin = time.monotonic()
        self.task = asyncio.create_task(self._play())
        return self

    async def _chunk(self):
        message = await self.wire.until("chunk", "error", "stopped", seconds=CATCH_UP_S)
        assert message["type"] == "chunk", message
        meta = message["metadata"]
        self.take.add(judge.Chunk(meta["index"], meta["start_sample"],
                                  judge.wav_f32(base64.b64decode(message["audio_base64"]))))

    async def _play(self):
        while True:
            await self._chunk()

    async def __aexit__(self, kind, *_):
        # What was due while the block ran comes before the end is looked at.
        due = int((time.monotonic() - self.begin) * judge.RATE)
        end = time.monotonic() + CATCH_UP_S
        while kind is None and not self.task.done() and self.take.end < due and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if self.task.done() and kind is None:
            self.task.result()  # tells why it ended
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        if kind is None:
            assert self.take.end >= due, f"{self.take.end} of {due} samples came"
            assert self.take.holes() == [] and self.take.broken_copies() == []
        self.wire.vanish()



async def wait_for(check, seconds, what):
    """The first true answer of a check that may block a little."""
    for _ in range(int(seconds / 0.05)):
        answer = await asyncio.to_thread(check)
        if answer:
            return answer
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{what} did not come within {seconds} s")
