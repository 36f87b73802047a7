"""One live stream: a connection of its own with its own cursor in the recording, read at the reader's pace."""
from __future__ import annotations

import bisect
import datetime
import json
import typing

import websockets.exceptions

from reflection.core import Connection, Socket, Unavailable, error_of
from reflection.core.errors import time_of
from reflection.recorder import _frame

# Fewer bytes than these are sent only where a chunk ends.
_GATHER_BYTES = 24576
# Half a frame of the codec, at most: a chunk ends where a codec frame does.
_SLACK = {"pcm": 0, "wav": 0, "flac": 2304, "mp3": 576, "opus": 1440}


class Chunk(typing.NamedTuple):
    """One chunk and the frame of the recording that it begins on."""

    first_frame: int
    data: bytes


class TimeMap:
    """Frames of a recording to UTC: pieces of (first frame, its time, ns per frame)."""

    def __init__(self, pieces: typing.Sequence[typing.Mapping[str, typing.Any]]) -> None:
        self._first = [int(piece["first_frame"]) for piece in pieces]
        self._at = [time_of(piece["at"]) for piece in pieces]
        self._ns = [float(piece["ns_per_frame"]) for piece in pieces]

    def at(self, frame: int) -> datetime.datetime:
        """The time of a frame, to the microsecond."""
        if not self._first:
            raise Unavailable("the recording has no time map yet", retryable=True)
        i = max(bisect.bisect_right(self._first, frame) - 1, 0)
        return self._at[i] + datetime.timedelta(microseconds=(frame - self._first[i]) * self._ns[i] / 1000)


class Stream:
    """Chunks of a session as they come. open() first; close() in any case, which frees the cursor."""

    def __init__(self, platform: Connection, request: dict[str, typing.Any]) -> None:
        self._platform = platform
        self._request = request
        self._socket: Socket | None = None
        self._chunk = int(request["chunk_size"])
        self._slack = 0 if request["framing"] == "standalone" else _SLACK[request["format"]]
        self.time_map = TimeMap(())
        self.state = ""  # of the session when the stream ended

    async def open(self) -> None:
        """Subscribes. Raises what the platform says against it."""
        self._socket = await self._platform.socket("/ws/recorder")
        await self._socket.send(json.dumps({"type": "subscribe", "req": 1, **self._request}))
        while True:
            answer = await self._receive()
            if isinstance(answer, dict) and answer.get("type") == "subscribed":
                self.time_map = TimeMap(answer.get("time_map") or ())
                return
            if isinstance(answer, dict) and answer.get("type") == "error":
                raise error_of(answer)

    async def close(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _receive(self) -> dict[str, typing.Any] | _frame.Message:
        assert self._socket is not None
        try:
            data = await self._socket.recv()
        except websockets.exceptions.ConnectionClosed as error:
            raise Unavailable(f"the stream was cut off: {error}", retryable=True) from error
        if isinstance(data, bytes):
            return _frame.unpack(data)
        document: dict[str, typing.Any] = json.loads(data)
        return document

    async def chunks(self) -> typing.AsyncIterator[Chunk]:
        """All chunks to the end of the session."""
        parts: list[bytes] = []
        first_frame = total = batch = 0
        boundary = self._chunk
        while True:
            message = await self._receive()
            if isinstance(message, dict):
                if message.get("type") == "error":
                    raise error_of(message)
                if message.get("type") == "end":
                    self.state = str(message.get("state", ""))
                    break
                continue
            if not parts:
                first_frame = message.first_frame
            if message.payload:
                parts.append(message.payload)
            batch += len(message.payload)
            total += message.n_frames
            if message.n_frames == 0:
                continue
            if batch < _GATHER_BYTES or total + self._slack >= boundary:
                while total + self._slack >= boundary:
                    boundary += self._chunk
                yield Chunk(first_frame, b"".join(parts))
                parts = []
            batch = 0
        if parts:
            yield Chunk(first_frame, b"".join(parts))
