"""The binary messages of /ws/recorder: 16 bytes little endian, then audio."""
from __future__ import annotations

import struct
import typing

_HEAD = struct.Struct("<BBHIQ")
HEAD_BYTES = _HEAD.size
MESSAGE_MAX_BYTES = 65536

PUBLISH = 1
SUBSCRIBE = 2
LAST = 2


class Message(typing.NamedTuple):
    """One binary message: type, flags, stream, frames in it, the first frame, audio."""

    type: int
    flags: int
    stream_id: int
    n_frames: int
    first_frame: int
    payload: bytes


def pack(stream_id: int, first_frame: int, n_frames: int, payload: bytes) -> bytes:
    """A message of a publisher."""
    return _HEAD.pack(PUBLISH, 0, stream_id, n_frames, first_frame) + payload


def unpack(data: bytes) -> Message:
    """A message of the platform. Raises ValueError when it is none."""
    if len(data) < HEAD_BYTES:
        raise ValueError(f"a message of {len(data)} bytes is shorter than its head")
    return Message._make((*_HEAD.unpack_from(data), data[HEAD_BYTES:]))
