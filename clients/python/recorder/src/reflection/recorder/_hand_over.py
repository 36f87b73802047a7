"""Segments for a store that is not the platform's: fetched when they are finished, given to the store's upload."""
from __future__ import annotations

import asyncio
import hashlib
import struct
import tempfile
import typing
import uuid

from reflection.core import Connection, StoreError
from reflection.recorder._store import ForeignStore

FETCH_SECONDS = 640.0

# Up to this size upload() is given bytes, beyond it an open file.
_BYTES_MAX = 32 << 20
_PIECE_BYTES = 1 << 20

_CONTENT_TYPES = {"wav": "audio/wav", "pcm": "application/octet-stream", "flac": "audio/flac", "mp3": "audio/mpeg",
                  "opus": "audio/ogg"}
_VALUE_BYTES = {"int16": 2, "int24": 3, "int32": 4, "float32": 4}

_Json = dict[str, typing.Any]


def foreign_key(store: ForeignStore, prefixes: typing.Sequence[str], extension: str) -> str:
    """A key by the store's key_builder; the last component is made here."""
    parts = [part for prefix in prefixes for part in prefix.split("/") if part]
    return str(store.key_builder.build(*parts, f"{uuid.uuid4().hex}.{extension}"))


async def hand_over(platform: Connection, path: str, document: _Json, key: str, store: ForeignStore) -> None:
    """Gives the store the finished segment of the session at `path`, under this key and with its metadata.

    Raises StoreError when the store does not take it; the platform still has it.
    """
    with tempfile.TemporaryFile() as file:
        n_bytes, digest = await _fetch(platform, path, document, file)
        metadata = {**document, "key": key, "content_type": _CONTENT_TYPES[document["format"]], "bytes": n_bytes,
                    "sha256": digest}
        file.seek(0)
        try:
            if n_bytes > _BYTES_MAX:
                await store.upload(file, key, metadata)
            else:
                await store.upload(await asyncio.to_thread(file.read), key, metadata)
        except Exception as error:
            raise StoreError(f"the store did not take {key}: {error}", code="STORE_FAILED", retryable=True) from error


async def _fetch(platform: Connection, path: str, document: _Json, file: typing.IO[bytes]) -> tuple[int, str]:
    """The segment in the format it is stored in: its size and SHA-256."""
    first, count = int(document.get("first_frame", 0)), int(document["frame_count"])
    digest = hashlib.sha256()
    if count == 0 and document["format"] in ("wav", "pcm"):
        head = _empty(document)
        file.write(head)
        return len(head), hashlib.sha256(head).hexdigest()
    if count == 0:
        route, query = "stream", {"from": f"f:{first}", "format": document["format"]}
    else:
        route = "segment"
        query = {"from": f"f:{first}", "to": f"f:{first + count}", "format": document["format"]}
    n_bytes = 0
    async with platform.stream("GET", f"{path}/{route}", query=query, seconds=FETCH_SECONDS) as answer:
        async for piece in answer.aiter_raw(_PIECE_BYTES):
            await asyncio.to_thread(_keep, file, digest, piece)
            n_bytes += len(piece)
    return n_bytes, digest.hexdigest()


def _keep(file: typing.IO[bytes], digest: typing.Any, piece: bytes) -> None:
    file.write(piece)
    digest.update(piece)


def _empty(document: _Json) -> bytes:
    """A valid file without frames; raw samples have no head."""
    if document["format"] == "pcm":
        return b""
    rate, channels, sample = int(document["sample_rate"]), int(document["channels"]), str(document["sample_format"])
    width = _VALUE_BYTES[sample]
    form = struct.pack("<HHIIHH", 3 if sample == "float32" else 1, channels, rate, rate * channels * width,
                       channels * width, 8 * width)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 0)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
