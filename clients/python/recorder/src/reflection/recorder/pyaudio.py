"""PortAudio's numbers of sample formats, by the names PyAudio gives them, so that PyAudio is not needed."""
from __future__ import annotations

paFloat32 = 1
paInt32 = 2
paInt24 = 4
paInt16 = 8
paInt8 = 16
paUInt8 = 32

__all__ = ["paFloat32", "paInt16", "paInt24", "paInt32", "paInt8", "paUInt8"]
