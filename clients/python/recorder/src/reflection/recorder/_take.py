"""One session as its recorder knows it, and what is asked of it."""
from __future__ import annotations

import time
import typing

from reflection.core import Address, Connection, StoreError
from reflection.core.errors import time_of
from reflection.recorder._hand_over import hand_over
from reflection.recorder._publisher import STOP_SECONDS, Publisher
from reflection.recorder._store import ForeignStore
from reflection.recorder._types import SAMPLE_FORMATS, AudioConfig, AudioSegment, LazyFrames, lazy_segment

_Json = dict[str, typing.Any]

CAPTURES = ("RECORDING", "PAUSED", "INTERRUPTED")
STORED = ("STORED", "RECOVERED", "DELETED")


def frames_of(address: Address, session: str, first_frame: int, n_bytes: int) -> LazyFrames:
    """The bytes of a segment: read from the master's stream, which clearing does not touch."""
    def fetch() -> bytes:
        data = Connection(address).blocking(
            "GET", f"/v1/recordings/{session}/stream",
            query={"from": f"f:{first_frame}", "format": "pcm", "lag_policy": "wait", "chunk_size": 65536})
        return data if len(data) == n_bytes else data[:n_bytes]
    return LazyFrames(n_bytes, fetch)


class Take:
    """A session: id, key, the state that was last heard of, whether stop() has given its segment."""

    def __init__(self, platform: Connection, config: AudioConfig, session: str, key: str, state: str,
                 publisher: Publisher | None) -> None:
        self.platform = platform
        self.config = config
        self.session = session
        self.path = f"/v1/recordings/{session}"
        self.key = key
        self._state = state
        self.publisher = publisher
        self.started_s = time.monotonic()
        self.returned = False
        self.foreign: ForeignStore | None = None
        self.document: _Json | None = None  # of the segment

    @property
    def state(self) -> str:
        """The last that was heard of it."""
        ended = self.publisher is not None and self.publisher.ended
        return "STORED" if ended and self._state in CAPTURES else self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state

    async def _settle(self) -> None:
        """Waits until what was written here before is part of the session, so that other calls see it."""
        if self.publisher is not None:
            await self.publisher.taken()

    async def read(self, method: str, below: str = "", *, query: dict[str, str | int]) -> bytes:
        """The body of a call about the session, behind what was written before."""
        await self._settle()
        return await self.platform.read(method, self.path + below, query=query)

    async def look(self) -> _Json:
        """Asks for the session's document and learns its state."""
        await self._settle()
        document = await self.platform.json("GET", self.path)
        self.state = str(document.get("state", self.state))
        return document

    async def stop(self) -> AudioSegment:
        """The segment, stored. Raises StoreError when it cannot be stored now; again is allowed."""
        try:
            if self.document is None:
                self.document = await self._stop_platform()
            if self.foreign is not None:
                await hand_over(self.platform, self.path, self.document, self.key, self.foreign)
        except StoreError:
            self.state = "PENDING"
            raise
        self.state = str(self.document.get("state", "STORED"))
        self.returned = True
        return self._segment(self.document)

    async def _stop_platform(self) -> _Json:
        if self.publisher is not None and self.state in CAPTURES:
            try:
                return await self.publisher.stop()
            finally:
                if self.publisher.frames_durable >= self.publisher.frames_sent:
                    await self.publisher.close()
        return await self.platform.json("POST", f"{self.path}:stop", seconds=STOP_SECONDS)

    def _segment(self, document: _Json) -> AudioSegment:
        sample = next(size for name, size in SAMPLE_FORMATS.values() if name == document["sample_format"])
        n_bytes = int(document["frame_count"]) * int(document["channels"]) * sample
        frames = frames_of(self.platform.address, self.session, int(document.get("first_frame", 0)), n_bytes)
        key = self.key if self.foreign is not None else str(document["key"])
        return lazy_segment(key, int(document["duration_ms"]), time_of(document["started_at"]),
                            time_of(document["ended_at"]), frames)
