"""What a recorder may be told besides its configuration; every value is checked when it is set."""
from __future__ import annotations

import os
import typing

from reflection.core import InvalidArgument

_Words = tuple[str, ...]


class _Number(typing.NamedTuple):
    low: int
    high: int


# Options that the platform has: words, or a range of whole numbers. None leaves the platform's default.
_SERVICE: dict[str, _Words | _Number] = {
    "pause_mode": ("cut", "silence"),
    "preroll_ms": _Number(0, 120_000),
    "split": ("none", "silence", "length"),
    "split_silence_ms": _Number(100, 10_000),
    "split_pad_before_ms": _Number(0, 2_000),
    "split_pad_after_ms": _Number(0, 2_000),
    "split_max_s": _Number(1, 86_400),
    "peaks": _Number(0, 1),
    "peaks_spp": _Number(2, 65_536),
    "peaks_bits": _Number(8, 16),
    "peaks_per_channel": _Number(0, 1),
    "loudness": ("off", "final", "live"),
    "retention_days": _Number(0, 36_500),
    "master_keep_s": _Number(0, 30 * 86_400),
    "attach_window_s": _Number(0, 3_600),
    "gap_jump_max_s": _Number(0, 3_600),
    "max_length_s": _Number(1, 31 * 86_400),
    "capture_period_ms": _Number(5, 20),
    "ring_ms": _Number(500, 20_000),
    "stall_ms": _Number(100, 5_000),
    "reopen_s": _Number(0, 600),
    "mp3_kbps": _Number(8, 320),
    "opus_kbps": _Number(6, 510),
    "opus_complexity": _Number(0, 10),
    "flac_level": _Number(0, 8),
}
_OWN: dict[str, _Words | _Number] = {
    "source": ("device", "file", "network"),
    "store_format": ("wav", "pcm", "flac", "mp3", "opus"),
    "framing": ("continuous", "standalone"),
    "lag_policy": ("wait", "drop", "disconnect"),
    "segment_range": ("strict", "clip"),
    "segment_wait_ms": _Number(0, 10_000),
}


def _wrong(message: str, code: str = "INVALID_ARGUMENT") -> InvalidArgument:
    return InvalidArgument(message, code=code)


def _check(name: str, rule: _Words | _Number, value: object) -> None:
    if isinstance(rule, _Number):
        if not isinstance(value, int) or not rule.low <= value <= rule.high:
            raise _wrong(f"{name}: {rule.low} to {rule.high}, not {value!r}")
    elif value not in rule:
        code = "UNSUPPORTED_FORMAT" if name == "store_format" else "INVALID_ARGUMENT"
        raise _wrong(f"{name}: {', '.join(rule)}, not {value!r}", code)


class Options:
    """Settings of one recorder; they hold from the next call on that uses them.

    source          where audio comes from: "device" (on the platform's host), "file" (below the platform's
                    recorder.file_root), "network" (write() publishes it). First value: REFLECTION_RECORDER_SOURCE
                    ("file:speech.wav@1", "network", "device"), else "device"
    source_name     of a file: its path and, behind "@", its pace (1: as fast as it sounds; 0: at once; to 1000); of a
                    device: its name, where the configuration has no input_device_index
    store_format    of the stored object: wav, pcm, flac, mp3, opus
    stream_from     where stream() begins: None (the start within 1,000 ms of start(), else now), "now", "start", or a
                    frame number
    framing         of stream(): "continuous" (all chunks joined are one file) or "standalone" (each is one)
    lag_policy      of stream(): "wait", "drop" or "disconnect", when it is read more than 10 s behind
    segment_range   "strict", or "clip": segment() cuts a range to what there is of it
    segment_wait_ms 0 (0..10,000): how long segment() waits for an end that is still to come

    None is the platform's default for all others, with units in their names: pause_mode ("cut", "silence"),
    preroll_ms 0 (0..120,000), split ("none", "silence", "length"), split_silence_ms 800 (100..10,000),
    split_pad_before_ms 200 and split_pad_after_ms 300 (0..2,000), split_max_s 60 (1..86,400), peaks 1 (0..1),
    peaks_spp 256 (2..65,536), peaks_bits 8 (8 or 16), peaks_per_channel 0 (0..1), loudness "final" ("off", "final",
    "live"), retention_days 0 (0..36,500), master_keep_s 3,600 (0..30 days), attach_window_s 60 (0..3,600),
    gap_jump_max_s 60 (0..3,600), max_length_s 86,400 (1..31 days), capture_period_ms 10 (5..20), ring_ms 4,000
    (500..20,000), stall_ms 500 (100..5,000), reopen_s 30 (0..600), mp3_kbps 128 (8..320), opus_kbps 64 (6..510),
    opus_complexity 10 (0..10), flac_level 5 (0..8).

    Raises ValueError for a value out of its range, AttributeError for a name that is none.
    """

    source: str
    source_name: str
    store_format: str
    stream_from: str | int | None
    framing: str
    lag_policy: str
    segment_range: str
    segment_wait_ms: int
    pause_mode: str | None
    preroll_ms: int | None
    split: str | None
    split_silence_ms: int | None
    split_pad_before_ms: int | None
    split_pad_after_ms: int | None
    split_max_s: int | None
    peaks: int | None
    peaks_spp: int | None
    peaks_bits: int | None
    peaks_per_channel: int | None
    loudness: str | None
    retention_days: int | None
    master_keep_s: int | None
    attach_window_s: int | None
    gap_jump_max_s: int | None
    max_length_s: int | None
    capture_period_ms: int | None
    ring_ms: int | None
    stall_ms: int | None
    reopen_s: int | None
    mp3_kbps: int | None
    opus_kbps: int | None
    opus_complexity: int | None
    flac_level: int | None

    def __init__(self) -> None:
        source, _, name = os.environ.get("REFLECTION_RECORDER_SOURCE", "device").partition(":")
        self.source = source
        self.source_name = name
        self.store_format = "wav"
        self.stream_from = None
        self.framing = "continuous"
        self.lag_policy = "wait"
        self.segment_range = "strict"
        self.segment_wait_ms = 0
        for option in _SERVICE:
            setattr(self, option, None)

    def __setattr__(self, name: str, value: typing.Any) -> None:
        if name in _SERVICE:
            if value is not None:
                _check(name, _SERVICE[name], value)
        elif name in _OWN:
            _check(name, _OWN[name], value)
        elif name == "source_name":
            if not isinstance(value, str) or len(value.encode()) > 255:
                raise _wrong("source_name: text of at most 255 bytes")
        elif name == "stream_from":
            if value not in (None, "now", "start") and (not isinstance(value, int) or value < 0):
                raise _wrong(f"stream_from: None, 'now', 'start' or a frame number, not {value!r}")
        else:
            raise AttributeError(f"options.{name}: there is none such")
        super().__setattr__(name, value)

    def document(self) -> dict[str, int | str]:
        """The options of the platform that are set."""
        values = {name: getattr(self, name) for name in _SERVICE}
        return {name: int(value) if isinstance(value, bool) else value
                for name, value in values.items() if value is not None}
