"""Plain data of a recorder: its formats, configuration, frames and segments."""
from __future__ import annotations

import asyncio
import datetime
import enum
import threading
import typing

from reflection.core import InvalidArgument
from reflection.recorder import pyaudio

FRAMES_MAX_BYTES = 1 << 30

# PortAudio's number -> the platform's name and bytes of a value as it is kept (8 bit is widened to 16).
SAMPLE_FORMATS: dict[int, tuple[str, int]] = {
    pyaudio.paFloat32: ("float32", 4), pyaudio.paInt32: ("int32", 4), pyaudio.paInt24: ("int24", 3),
    pyaudio.paInt16: ("int16", 2), pyaudio.paInt8: ("int8", 2), pyaudio.paUInt8: ("uint8", 2),
}
# Bytes of a value as it is sent, where that is not the same.
SENT_BYTES = {pyaudio.paInt8: 1, pyaudio.paUInt8: 1}


def _wrong(message: str) -> InvalidArgument:
    return InvalidArgument(message, code="INVALID_ARGUMENT")


class AudioFormat(str, enum.Enum):
    """What audio is given as: raw interleaved samples (little endian), or a file of this kind."""

    PCM = "pcm"
    WAV = "wav"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"


class AudioConfig(typing.NamedTuple):
    """What is recorded.

    format: PortAudio's number of the sample format: 1 float32, 2 int32, 4 int24, 8 int16, 16 int8, 32 uint8 (the last
    two are widened to int16); channels: 1 to 8; rate: 8,000 to 192,000 Hz; chunk: frames of a chunk of stream() when
    it is not told otherwise, 64 to 65,536; input_device_index: of list_input_devices(), None for the default device.
    """

    format: int = pyaudio.paInt16
    channels: int = 1
    rate: int = 16000
    chunk: int = 1024
    input_device_index: int | None = None

    def check(self) -> None:
        """Raises ValueError that names the field and its limit."""
        if self.format not in SAMPLE_FORMATS:
            raise _wrong(f"format: 1, 2, 4, 8, 16 or 32, not {self.format!r}")
        for name, low, high in (("channels", 1, 8), ("rate", 8000, 192000), ("chunk", 64, 65536)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise _wrong(f"{name}: {low} to {high}, not {value!r}")
        index = self.input_device_index
        if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
            raise _wrong(f"input_device_index: 0 or more, or None, not {index!r}")

    def frame_bytes(self) -> int:
        """Bytes of a frame as it is kept and streamed."""
        return self.channels * SAMPLE_FORMATS[self.format][1]

    def sent_frame_bytes(self) -> int:
        """Bytes of a frame as a publisher sends it."""
        return self.channels * SENT_BYTES.get(self.format, SAMPLE_FORMATS[self.format][1])


class AudioFrame:
    """Audio with the time of its first frame (UTC) and its bytes."""

    __slots__ = ("data", "timestamp")

    def __init__(self, timestamp: datetime.datetime, data: bytes) -> None:
        self.timestamp = timestamp
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AudioFrame) and (self.timestamp, self.data) == (other.timestamp, other.data)

    def __hash__(self) -> int:
        return hash((self.timestamp, self.data))

    def __repr__(self) -> str:
        return f"AudioFrame(timestamp={self.timestamp!r}, data=<{len(self.data)} bytes>)"


class LazyFrames:
    """The bytes of a take, fetched by `fetch` when they are first asked for. Any thread."""

    def __init__(self, n_bytes: int, fetch: typing.Callable[[], bytes]) -> None:
        self._n_bytes = n_bytes
        self._fetch = fetch
        self._lock = threading.Lock()
        self._data: bytes | None = None

    def get(self) -> bytes:
        if self._n_bytes > FRAMES_MAX_BYTES:
            raise ValueError(f"frames: {self._n_bytes} bytes are more than 1 GiB; cut them with segment()")
        with self._lock:
            if self._data is None:
                self._data = self._fetch() if self._n_bytes > 0 else b""
            return self._data


class _Segment(typing.NamedTuple):
    key: str
    duration_ms: int
    started_at: datetime.datetime
    ended_at: datetime.datetime
    frames: bytes


class AudioSegment(_Segment):
    """A stored recording: key, duration_ms (frames x 1000 / rate, rounded half up), started_at and ended_at (UTC),
    frames (the bytes of the whole take).

    `frames` is fetched from the platform when it is first used, by name, index or unpacking, which blocks; `await
    load()` does it without blocking. Above 1 GiB it raises ValueError. A tuple in everything else.
    """

    __slots__ = ()

    async def load(self) -> AudioSegment:
        """Fetches the frames off the event loop; gives the segment itself."""
        await asyncio.to_thread(self._load)
        return self

    def _load(self) -> bytes:
        raw: object = tuple.__getitem__(self, 4)
        return raw.get() if isinstance(raw, LazyFrames) else typing.cast(bytes, raw)

    @property
    def frames(self) -> bytes:
        return self._load()

    def __getitem__(self, index: typing.Any) -> typing.Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(5)))
        return self._load() if index in (4, -1) else tuple.__getitem__(self, index)

    def __iter__(self) -> typing.Iterator[typing.Any]:
        for index in range(5):
            yield self[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple) or len(other) != 5:
            return False
        return all(a == b for a, b in zip(self._head(), other)) and bool(self._load() == other[4])

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        raw: object = tuple.__getitem__(self, 4)
        frames = "not loaded" if isinstance(raw, LazyFrames) else f"{len(typing.cast(bytes, raw))} bytes"
        key, duration_ms, started_at, ended_at = self._head()
        return (f"AudioSegment(key={key!r}, duration_ms={duration_ms!r}, started_at={started_at!r}, "
                f"ended_at={ended_at!r}, frames=<{frames}>)")

    def _head(self) -> tuple[typing.Any, ...]:
        return tuple(tuple.__getitem__(self, index) for index in range(4))


def lazy_segment(key: str, duration_ms: int, started_at: datetime.datetime, ended_at: datetime.datetime,
                 frames: LazyFrames) -> AudioSegment:
    return AudioSegment(key, duration_ms, started_at, ended_at, typing.cast(bytes, frames))
