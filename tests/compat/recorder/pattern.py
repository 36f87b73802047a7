"""Audio whose samples spell their frame number, so that a byte out of place is seen; the same rule as face_c.c."""
import struct

SAMPLE_BYTES = {"int16": 2, "int24": 3, "int32": 4, "float32": 4, "int8": 1, "uint8": 1}
KEPT = {"int8": "int16", "uint8": "int16"}


def value(frame, channel):
    return (31 * frame + 257 * channel) % 65536 - 32768


def _pack(sample_format, v):
    if sample_format == "int16":
        return struct.pack("<h", v)
    if sample_format == "int24":
        return (256 * v).to_bytes(3, "little", signed=True)
    if sample_format == "int32":
        return struct.pack("<i", 65536 * v)
    if sample_format == "float32":
        return struct.pack("<f", v / 32768)
    narrow = v >> 8
    return bytes([narrow & 255]) if sample_format == "int8" else bytes([narrow + 128])


def pcm(sample_format, channels, first, n_frames):
    """Frames first..first + n_frames as they are sent."""
    return b"".join(_pack(sample_format, value(f, c)) for f in range(first, first + n_frames) for c in range(channels))


def kept(sample_format, channels, first, n_frames):
    """The same frames as they are kept: 8 bit is widened to 16."""
    if sample_format not in KEPT:
        return pcm(sample_format, channels, first, n_frames)
    return b"".join(struct.pack("<h", (value(f, c) >> 8) * 256)
                    for f in range(first, first + n_frames) for c in range(channels))


def kept_bytes(sample_format, channels):
    return SAMPLE_BYTES[KEPT.get(sample_format, sample_format)] * channels
