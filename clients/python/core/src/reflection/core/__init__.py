"""What all parts of reflection share: where the platform is, the connection to its gateway, errors."""
from __future__ import annotations

from reflection.core.address import Address, data_directory, find_platform
from reflection.core.connection import Connection, Socket
from reflection.core.errors import (ConsumerTooSlow, Denied, InvalidArgument, NoSpace, NotFound, RangeError,
                                    ReflectionError, StateError, StoreError, Unavailable, error_of)

__all__ = ["Address", "Connection", "ConsumerTooSlow", "Denied", "InvalidArgument", "NoSpace", "NotFound",
           "RangeError", "ReflectionError", "Socket", "StateError", "StoreError", "Unavailable",
           "data_directory", "error_of", "find_platform"]
