"""Publishing from here: frames are kept until the platform has them durable, a lost connection is attached again."""
from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import typing

import websockets.exceptions

from reflection.core import Connection, InvalidArgument, ReflectionError, Socket, StateError, Unavailable, error_of
from reflection.recorder import _frame

_BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_RESTART_CODES = (1000, 1001, 1005, 1006, 1011, 1012, 1013)
STOP_SECONDS = 640.0

_Json = dict[str, typing.Any]


class _Kept(typing.NamedTuple):
    """Frames not yet durable: audio, or a gap (cause) that has none."""

    first: int
    n_frames: int
    data: bytes
    cause: str


class Publisher:
    """The publisher of one session. Belongs to the event loop that opened it."""

    def __init__(self, platform: Connection, request: _Json, frame_bytes: int, rate: int,
                 attach_window_s: int) -> None:
        self._platform = platform
        self._request = request
        self._frame_bytes = frame_bytes
        self._attach_window_s = attach_window_s
        self._message_frames = max(1, min((_frame.MESSAGE_MAX_BYTES - _frame.HEAD_BYTES) // frame_bytes, rate // 10))
        self._socket: Socket | None = None
        self._stream_id = 0
        self._kept: collections.deque[_Kept] = collections.deque()
        self._unsent: collections.deque[_Kept] = collections.deque()
        self._next = 0
        self._window = 0
        self._durable = 0
        self._room = asyncio.Event()
        self._sending = asyncio.Lock()
        self._answers: dict[int, asyncio.Future[_Json]] = {}
        self._last_req = 0
        self._reader: asyncio.Task[None] | None = None
        self._stop_frame: int | None = None
        self._stopped: asyncio.Future[_Json] | None = None
        self._failure: Exception | None = None
        self.session = ""
        self.key = ""

    @property
    def frames_sent(self) -> int:
        """Frames given to write() and gap()."""
        return self._next

    @property
    def frames_durable(self) -> int:
        """Frames that the platform has acknowledged as durable."""
        return self._durable

    @property
    def ended(self) -> bool:
        """Whether the platform has said that the session is stopped."""
        return self._stopped is not None and self._stopped.done() and self._stopped.exception() is None

    # ---- life ----

    async def open(self) -> None:
        """Starts the session."""
        self._stopped = asyncio.get_running_loop().create_future()
        self._socket, begun = await self._begin({"type": "start", **self._request})
        self.session = str(begun["session"])
        self.key = str(begun["key"])
        self._reader = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Leaves the session as it is: without a stop it waits to be attached again."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()
        self._fail(StateError("the publisher is closed", code="NOT_RECORDING"))
        if self._stopped is not None and self._stopped.done() and not self._stopped.cancelled():
            self._stopped.exception()  # has been told

    async def _begin(self, request: _Json) -> tuple[Socket, _Json]:
        """A new connection that start or attach was sent on, and the answer."""
        socket = await self._platform.socket("/ws/recorder")
        try:
            await socket.send(json.dumps({**request, "req": 0}))
            while True:
                data = await socket.recv()
                answer: _Json = json.loads(data) if isinstance(data, str) else {}
                if answer.get("type") == "error":
                    raise error_of(answer)
                if answer.get("type") in ("started", "attached"):
                    self._stream_id = int(answer["stream_id"])
                    self._window = int(answer["window_frames"])
                    return socket, answer
        except BaseException as error:
            await socket.close()
            if isinstance(error, websockets.exceptions.ConnectionClosed):
                raise Unavailable(f"the connection was lost: {error}", retryable=True) from error
            raise

    # ---- what the user calls ----

    async def write(self, data: bytes) -> None:
        """Publishes whole frames; waits while as much as the window is not durable yet."""
        if len(data) % self._frame_bytes != 0:
            raise InvalidArgument(f"data: whole frames of {self._frame_bytes} bytes, not {len(data)} bytes",
                                  code="INVALID_ARGUMENT")
        step = self._message_frames * self._frame_bytes
        for at in range(0, len(data), step):
            piece = bytes(data[at:at + step])
            await self._put(_Kept(self._next, len(piece) // self._frame_bytes, piece, ""))

    async def gap(self, n_frames: int, cause: str) -> None:
        """Tells of frames that are lost: they become silence."""
        if n_frames <= 0:
            raise InvalidArgument(f"n_frames: 1 or more, not {n_frames}", code="INVALID_ARGUMENT")
        await self._put(_Kept(self._next, n_frames, b"", cause))

    async def anchor(self, frame: int, utc_ns: int) -> None:
        """Tells when all frames before this one had been captured."""
        await self._flush()
        self._check()
        await self._send({"type": "anchor", "stream_id": self._stream_id, "frame": frame, "utc_ns": utc_ns})

    async def call(self, type_: str, **fields: typing.Any) -> _Json:
        """pause, resume, marker: after the frames written before it."""
        return await self._ask({"type": type_, "stream_id": self._stream_id, **fields})

    async def taken(self) -> None:
        """Waits until the platform has taken what was written before, durable or not; for no lost connection."""
        if self._failure is None:
            with contextlib.suppress(Unavailable, StateError):
                await self._ask({"type": "time", "t0": 0})

    async def _ask(self, message: _Json) -> _Json:
        await self._flush()
        self._check()
        self._last_req += 1
        req = self._last_req
        future: asyncio.Future[_Json] = asyncio.get_running_loop().create_future()
        self._answers[req] = future
        try:
            if not await self._send({**message, "req": req}):
                raise Unavailable("the connection was lost", retryable=True)
            return await future
        finally:
            self._answers.pop(req, None)

    async def stop(self) -> _Json:
        """Ends the session behind the last frame written. Returns the segment's document."""
        assert self._stopped is not None
        if self._stop_frame is None:
            self._stop_frame = self._next
            await self._flush()
            await self._say_stop()
        return await asyncio.wait_for(asyncio.shield(self._stopped), STOP_SECONDS)

    # ---- sending ----

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _put(self, kept: _Kept) -> None:
        self._check()
        if self._stop_frame is not None:
            raise StateError("the session is being stopped", code="NOT_RECORDING")
        while kept.cause == "" and self._next > self._durable and \
                self._next + kept.n_frames - self._durable > self._window:
            self._room.clear()
            await self._room.wait()
            self._check()
        kept = kept._replace(first=self._next)
        self._next += kept.n_frames
        self._kept.append(kept)
        self._unsent.append(kept)
        await self._flush()

    async def _flush(self) -> None:
        """Sends what is not sent yet, in order; with the connection lost it stays for the next one."""
        async with self._sending:
            while self._unsent and self._socket is not None:
                if not await self._send_kept(self._unsent[0]):
                    return
                if self._unsent:
                    self._unsent.popleft()

    async def _send_kept(self, kept: _Kept) -> bool:
        if kept.data:
            return await self._send(_frame.pack(self._stream_id, kept.first, kept.n_frames, kept.data))
        return await self._send({"type": "gap", "stream_id": self._stream_id, "first_frame": kept.first,
                                 "length": kept.n_frames, "cause": kept.cause})

    async def _send(self, message: bytes | _Json) -> bool:
        if self._socket is None:
            return False
        try:
            await self._socket.send(message if isinstance(message, bytes) else json.dumps(message))
            return True
        except websockets.exceptions.ConnectionClosed:
            return False

    async def _say_stop(self) -> None:
        await self._send({"type": "stop", "req": -1, "stream_id": self._stream_id, "last_frame": self._stop_frame})

    # ---- receiving ----

    async def _run(self) -> None:
        """Reads until the session is stopped; attaches again where the connection is lost."""
        try:
            while not await self._read():
                await self._attach_again()
        except (ReflectionError, OSError) as error:
            self._fail(error)

    async def _read(self) -> bool:
        """Takes messages: True when the session has ended, False when the connection is lost."""
        assert self._socket is not None and self._stopped is not None
        while not self._stopped.done():
            try:
                data = await self._socket.recv()
            except websockets.exceptions.ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 1006
                if code not in _RESTART_CODES:
                    raise InvalidArgument(f"the platform closed the connection: {error}", code="BAD_MESSAGE") from error
                return False
            if isinstance(data, str):
                self._take(json.loads(data))
        return True

    def _take(self, message: _Json) -> None:
        kind = message.get("type")
        if kind == "ack":
            self._durable_to(int(message["frames_durable"]))
        elif kind == "stopped":
            self._end(message.get("segment") or {})
        elif kind in ("done", "time"):
            self._answer(message, None)
        elif kind == "error":
            self._answer(message, error_of(message))

    def _answer(self, message: _Json, error: ReflectionError | None) -> None:
        req = message.get("req")
        if req == -1 and error is not None and self._stopped is not None and not self._stopped.done():
            self._stopped.set_exception(error)
            return
        future = self._answers.get(req) if isinstance(req, int) else None
        if future is not None and not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(message)
        elif error is not None and error.code != "GAP_TOO_LONG":
            self._fail(error)

    def _durable_to(self, frame: int) -> None:
        self._durable = max(self._durable, frame)
        while self._kept and self._kept[0].first + self._kept[0].n_frames <= self._durable:
            self._kept.popleft()
        self._room.set()

    def _end(self, segment: _Json) -> None:
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(segment)
        self._fail(StateError("the session has ended", code="NOT_RECORDING"))

    def _fail(self, error: Exception) -> None:
        """Everybody who waits is told."""
        self._failure = self._failure or error
        self._room.set()
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_exception(error)

    # ---- attaching again ----

    async def _attach_again(self) -> None:
        """Goes on at the first frame that is not durable. Raises when that fails for as long as the platform waits."""
        self._socket = None
        for future in self._answers.values():
            if not future.done():
                future.set_exception(Unavailable("the connection was lost", retryable=True))
        end = asyncio.get_running_loop().time() + self._attach_window_s
        for delay in _delays():
            try:
                socket, begun = await self._begin({"type": "attach", "session": self.session})
                break
            except StateError as error:
                if self._stop_frame is not None and error.code == "NOT_RECORDING":
                    return await self._stopped_meanwhile()
                failure: Exception = error
            except (Unavailable, OSError) as error:
                failure = error
            if asyncio.get_running_loop().time() + delay > end:
                raise failure
            await asyncio.sleep(delay)
        async with self._sending:
            self._socket = socket
            self._resend_from(int(begun["next_frame"]))
        await self._flush()
        if self._stop_frame is not None:
            await self._say_stop()

    async def _stopped_meanwhile(self) -> None:
        """The stop had arrived before the connection was lost: its result is asked for."""
        self._end(await self._platform.json("POST", f"/v1/recordings/{self.session}:stop", seconds=STOP_SECONDS))

    def _resend_from(self, frame: int) -> None:
        self._durable_to(frame)
        self._unsent = collections.deque(self._kept)
        if self._unsent and self._unsent[0].first < frame:
            kept = self._unsent[0]
            skip = frame - kept.first
            self._unsent[0] = _Kept(frame, kept.n_frames - skip, kept.data[skip * self._frame_bytes:], kept.cause)


def _delays() -> typing.Iterator[float]:
    yield from _BACKOFF_S
    while True:
        yield _BACKOFF_S[-1]
