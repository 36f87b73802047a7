"""Where a recorder puts its segments: the platform's own store, or any object with a key_builder and an upload."""
from __future__ import annotations

import typing

from reflection.core import Address


class KeyBuilder:
    """Joins the parts of a key: `{prefix}/{part}/...`."""

    __slots__ = ("prefix", "split_char")

    def __init__(self, split_char: str = "/", prefix: str = "recordings") -> None:
        self.split_char = split_char
        self.prefix = prefix

    def build(self, *parts: str) -> str:
        """The key of these parts."""
        return self.split_char.join((self.prefix, *parts))

    def validate(self, key: str) -> bool:
        """Whether the key lies below the prefix."""
        return key.startswith(self.prefix + self.split_char)


@typing.runtime_checkable
class ForeignStore(typing.Protocol):
    """Any other store: the recorder makes keys by its key_builder and gives it each segment when it is finished."""

    @property
    def key_builder(self) -> typing.Any: ...

    async def upload(self, data: typing.Any, key: str, metadata: typing.Any = None, **more: typing.Any) -> typing.Any:
        ...


class PlatformStore:
    """The object store of a platform: segments are stored there by the platform itself, durable and atomic.

    address: which platform; None for the one that find_platform() finds, else a private one of this interpreter.
    """

    def __init__(self, address: Address | None = None) -> None:
        self.address = address
