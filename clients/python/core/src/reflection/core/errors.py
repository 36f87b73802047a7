"""Errors of the platform. Each is a ReflectionError and, beside it, the exception of Python that says the same."""
from __future__ import annotations

import datetime
import errno
import typing


class ReflectionError(Exception):
    """What the platform refused.

    code: the platform's ("RANGE_OUTSIDE"); message: its text; retryable: the same call may succeed later;
    document: the whole answer as it came.
    """

    def __init__(self, message: str, *, code: str = "", retryable: bool = False,
                 document: typing.Mapping[str, typing.Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.document = dict(document or {})

    def __str__(self) -> str:
        return f"{self.message} ({self.code})" if self.code else self.message


class InvalidArgument(ReflectionError, ValueError):
    """A value that is wrong; the message names the field and its limit."""


class Denied(ReflectionError, PermissionError):
    """The API key is missing or unknown, or lacks the scope."""


class NotFound(ReflectionError, KeyError):
    """There is no such thing here, or it was deleted."""


class StateError(ReflectionError, RuntimeError):
    """Not possible in this state, or beyond a limit."""


class ConsumerTooSlow(StateError):
    """A stream that was to end when its reader stays behind."""


class Unavailable(ReflectionError, RuntimeError):
    """The platform, one of its services or a device does not answer now."""


class StoreError(ReflectionError, RuntimeError):
    """The store does not take the audio now; the platform keeps it and tries again."""


class NoSpace(ReflectionError, OSError):
    """The disk of the platform is full."""

    def __init__(self, message: str, **more: typing.Any) -> None:
        super().__init__(message, **more)
        self.errno = errno.ENOSPC


class RangeError(InvalidArgument):
    """A range outside the audio.

    available_from, available_to: what there is (UTC, to the microsecond), None where there is no audio;
    available_from_frame, available_to_frame: the same in frames.
    """

    def __init__(self, message: str, *, code: str = "", retryable: bool = False,
                 document: typing.Mapping[str, typing.Any] | None = None) -> None:
        super().__init__(message, code=code, retryable=retryable, document=document)
        available = self.document.get("available") or {}
        self.available_from = time_of(available["from"]) if available.get("from") else None
        self.available_to = time_of(available["to"]) if available.get("to") else None
        self.available_from_frame: int | None = available.get("from_frame")
        self.available_to_frame: int | None = available.get("to_frame")


_CLASSES: dict[str, type[ReflectionError]] = {
    "INVALID_ARGUMENT": InvalidArgument, "INVALID_KEY_PART": InvalidArgument, "BAD_MESSAGE": InvalidArgument,
    "GAP_TOO_LONG": InvalidArgument, "UNSUPPORTED_FORMAT": InvalidArgument, "BAD_REQUEST": InvalidArgument,
    "UNAUTHENTICATED": Denied, "UNAUTHORIZED": Denied, "FORBIDDEN": Denied,
    "NOT_FOUND": NotFound, "GONE": NotFound,
    "NOT_INITIALISED": StateError, "ALREADY_RECORDING": StateError, "NOT_RECORDING": StateError,
    "RANGE_OUTSIDE": RangeError, "NO_AUDIO": RangeError,
    "TOO_MANY_SESSIONS": StateError, "TOO_MANY_CONSUMERS": StateError, "CONSUMER_TOO_SLOW": ConsumerTooSlow,
    "DEVICE_UNAVAILABLE": Unavailable, "STORE_FAILED": StoreError, "NO_SPACE": NoSpace,
}
_BY_STATUS: dict[int, type[ReflectionError]] = {
    400: InvalidArgument, 401: Denied, 403: Denied, 404: NotFound, 409: StateError, 410: NotFound,
    413: InvalidArgument, 415: InvalidArgument, 416: RangeError, 422: InvalidArgument, 429: StateError, 507: NoSpace,
}


def error_of(document: typing.Mapping[str, typing.Any], status: int = 0) -> ReflectionError:
    """The exception for an error document {code, message, retryable, available} and HTTP status (0 for none)."""
    code = str(document.get("code") or "")
    kind = _CLASSES.get(code) or _BY_STATUS.get(status) or Unavailable
    message = str(document.get("message") or document.get("title") or f"HTTP {status}")
    retryable = bool(document.get("retryable", status in (429, 502, 503, 504)))
    return kind(message, code=code, retryable=retryable, document=document)


def time_of(text: str) -> datetime.datetime:
    """A time of the platform (RFC 3339 in UTC, to the nanosecond) as an aware datetime, cut to microseconds."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    time = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return time.replace(microsecond=int(decimals[:6].ljust(6, "0")) if decimals else 0)


def ns_of(time: datetime.datetime) -> int:
    """A datetime as ns since 1970 in UTC. Raises TypeError for one without a zone."""
    if time.utcoffset() is None:
        raise TypeError(f"a datetime with its zone is needed, not {time!r}")
    since = time - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def text_of(time: datetime.datetime) -> str:
    """A datetime as the platform reads it. Raises TypeError for one without a zone."""
    if time.utcoffset() is None:
        raise TypeError(f"a datetime with its zone is needed, not {time!r}")
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
