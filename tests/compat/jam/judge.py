"""What jam.md says of a received stream, as figures: the copy rule and overlap-add of section 5, the
click test, loudness, peak, DC and silence of section 10, and the schedule of section 6.

Positions are samples at 48,000 Hz from the begin of the session; audio is float32 of shape (n, 2)."""
import bisect
import dataclasses
import struct

import numpy as np

RATE = 48000
EDGE = 96  # of the click test: what belongs to the event
AROUND = 4704  # what it is compared with, on either side
QUIET = 0.001
STEP = 0.01  # that the click test must flag


def wav_f32(data):
    """The samples of a wav-f32 file of jam.md section 5, header included in what is checked."""
    assert data[:4] == b"RIFF" and data[8:16] == b"WAVEfmt ", "no RIFF file"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8, "the RIFF size is wrong"
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from("<HHIIHH", data, 20)
    assert (tag, channels, rate, byte_rate, block, bits) == (3, 2, RATE, RATE * 8, 8, 32), "format"
    assert data[38:42] == b"fact" and data[50:54] == b"data", "no 58-byte header with a fact chunk"
    size = struct.unpack_from("<I", data, 54)[0]
    assert size == len(data) - 58, "the data size is wrong"
    assert struct.unpack_from("<I", data, 46)[0] == size // 8, "the fact chunk counts wrong"
    return np.frombuffer(data, "<f4", offset=58).reshape(-1, 2)


@dataclasses.dataclass
class Chunk:
    index: int
    start: int
    samples: np.ndarray
    envelope: object = None  # of its player: function of seconds from the chunk's begin to gains


class Take:
    """The chunks that one client received, in order, and the audio that they make."""

    def __init__(self, overlap, chunks=()):
        self.overlap = overlap
        self.chunks = []
        self.starts = []
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk):
        self.chunks.append(chunk)
        self.starts.append(chunk.start)

    @property
    def begin(self):
        return self.starts[0]

    @property
    def end(self):
        """Of what will not change any more: the last overlap waits for its next chunk."""
        return self.starts[-1] + len(self.chunks[-1].samples) - self.overlap

    def joins(self):
        """Where something changes: the begin and the end of each overlap, apart when it has any."""
        edges = (0, self.overlap) if self.overlap else (0,)
        return [start + edge for start in self.starts[1:] for edge in edges]

    def holes(self):
        """Indices of chunks that do not follow the one before them."""
        return [b.index for a, b in zip(self.chunks, self.chunks[1:])
                if b.index != a.index + 1 or b.start != a.start + len(a.samples) - self.overlap]

    def broken_copies(self):
        """Indices of chunks whose first samples are not, bit for bit, the last of the one before."""
        if self.overlap == 0:
            return []
        return [b.index for a, b in zip(self.chunks, self.chunks[1:])
                if a.samples[-self.overlap:].tobytes() != b.samples[:self.overlap].tobytes()]

    def _parts(self, begin, end):
        """The chunks that sound in a range, with the slices of range and chunk that meet."""
        first = max(bisect.bisect_right(self.starts, begin) - 2, 0)
        for i in range(first, len(self.chunks)):
            chunk = self.chunks[i]
            if chunk.start >= end:
                break
            low = max(begin, chunk.start)
            high = min(end, chunk.start + len(chunk.samples))
            if low < high:
                yield i, chunk, slice(low - begin, high - begin), slice(low - chunk.start,
                                                                        high - chunk.start)

    def stream(self, begin, end):
        """Overlap-add of section 5: a + g (b - a) in each overlap, g rising evenly from 0 to 1."""
        out = np.zeros((end - begin, 2), np.float32)
        gains = (np.arange(self.overlap, dtype=np.float32) / np.float32(max(self.overlap, 1)))[:, None]
        for i, chunk, there, here in self._parts(begin, end):
            new = chunk.samples[here]
            shared = max(min(here.stop, self.overlap) - here.start, 0) if i > 0 else 0
            old = out[there][:shared]
            g = gains[here.start:here.start + shared]
            out[there.start:there.start + shared] = old + g * (new[:shared] - old)
            out[there.start + shared:there.stop] = new[shared:]
        return out

    def played(self, begin, end):
        """What the client's own gain curves make of the chunks."""
        out = np.zeros((end - begin, 2))
        for _, chunk, there, here in self._parts(begin, end):
            gains = chunk.envelope(np.arange(here.start, here.stop) / RATE)
            out[there] += gains[:, None] * chunk.samples[here]
        return out.astype(np.float32)

    def blocks(self, seconds=10, read=None):
        """The stream (or what `read` gives) in blocks, for figures over an hour."""
        read = read or self.stream
        for begin in range(self.begin, self.end, seconds * RATE):
            yield begin, read(begin, min(begin + seconds * RATE, self.end))


def automation(events):
    """The curve of a gain from its calls, as Web Audio defines it: (name, arguments) in order. Times
    are seconds; the result takes an array of times."""
    points = []  # (time, value) of the curve's corners, steps as two corners at one time
    value = 1.0
    for name, arguments in events:
        if name == "setValueAtTime":
            points += [(arguments[1], value), (arguments[1], arguments[0])]
            value = arguments[0]
        elif name == "linearRampToValueAtTime":
            points.append((arguments[1], arguments[0]))
            value = arguments[0]
        elif name == "setValueCurveAtTime":
            curve, begin, length = arguments
            times = begin + length * np.arange(len(curve)) / (len(curve) - 1)
            points += [(begin, value), *zip(times, curve)]
            value = curve[-1]
        else:
            raise ValueError(f"{name} is no call that the pages make")
    times, values = (np.array(column, float) for column in zip(*points))
    return lambda t: np.interp(t, times, values)


def second_difference(x):
    """|x[n] - 2 x[n-1] + x[n-2]| of each channel; 0 for the first two."""
    d = np.zeros(x.shape)
    d[2:] = np.abs(np.diff(x.astype(float), 2, axis=0))
    return d


def is_click(d, event):
    """The click test of section 10 at one place of a second difference, for every channel."""
    near = d[max(event - EDGE, 0):event + EDGE + 1]
    far = np.concatenate([d[max(event - EDGE - AROUND, 0):max(event - EDGE, 0)],
                          d[event + EDGE + 1:event + EDGE + 1 + AROUND]])
    if len(near) == 0 or len(far) == 0:
        return False
    return bool(np.any(near.max(axis=0) > 2 * np.maximum(far.max(axis=0), QUIET)))


def clicks(read, events, begin, end, reference=None):
    """The events at which read(begin, end) clicks. Where reference(begin, end), the same music without
    joins, has the same jump, a note starts there: jam.md takes such places out."""
    found = []
    reach = EDGE + AROUND + 2
    for event in events:
        low, high = max(event - reach, begin), min(event + reach, end)
        if not low <= event < high or not is_click(second_difference(read(low, high)), event - low):
            continue
        if reference is None or not is_click(second_difference(reference(low, high)), event - low):
            found.append(event)
    return found


def excess_clicks(take, begin):
    """For a stretch of which nobody says where notes start: how many more of its joins have a jump than
    of as many places amid chunks. Notes fall on both alike; a fault of joins does not."""
    joins = [s for s in take.starts[1:] if s >= begin]
    amid = [s + (len(c.samples) - take.overlap) // 2 + take.overlap
            for s, c in zip(take.starts[1:], take.chunks[1:]) if s >= begin]
    return (len(clicks(take.stream, joins, take.begin, take.end)) -
            len(clicks(take.stream, amid, take.begin, take.end)))


def difference(take, reference, read=None, skip=0):
    """The largest difference between a take and the same music in one piece, over what both have."""
    worst = 0.0
    for begin, block in take.blocks(read=read):
        begin, block = (begin, block) if begin >= skip else (skip, block[skip - begin:])
        other = reference[begin:begin + len(block)]
        if len(other) and len(block):
            worst = max(worst, float(np.max(np.abs(block[:len(other)].astype(float) - other))))
    return worst


def same_bits(take, reference):
    """How many samples both have, and the first that differs (None: equal to the bit)."""
    n = 0
    for begin, block in take.blocks():
        other = np.ascontiguousarray(reference[begin:begin + len(block)], np.float32)
        mine = np.ascontiguousarray(block[:len(other)])
        differ = np.flatnonzero(np.any(mine.view(np.uint32) != other.view(np.uint32), axis=1))
        if len(differ):
            return n, begin + int(differ[0])
        n += len(other)
    return n, None


# ---- level ----

def _biquad(b, a, length):
    """Impulse response of one second-order section."""
    out = np.zeros(length)
    x1 = x2 = y1 = y2 = 0.0
    for n in range(length):
        x = 1.0 if n == 0 else 0.0
        y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
        out[n] = y
        x1, x2, y1, y2 = x, x1, y, y1
    return out


def _k_weighting():
    """The two filters of ITU-R BS.1770-4 at 48 kHz as one impulse response of 0.25 s."""
    shelf = _biquad((1.53512485958697, -2.69169618940638, 1.19839281085285),
                    (-1.69065929318241, 0.73248077421585), RATE // 4)
    high = _biquad((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621), RATE // 4)
    return _convolve(shelf, high)[:RATE // 4]


def _convolve(x, h):
    size = 1 << int(np.ceil(np.log2(len(x) + len(h))))
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[:len(x) + len(h) - 1]


def loudness(x):
    """Integrated loudness in LUFS (ITU-R BS.1770-4, both gates)."""
    h = _k_weighting()
    weighted = np.stack([_convolve(x[:, c].astype(float), h)[:len(x)] for c in range(2)], axis=1)
    power = np.concatenate([[0.0], np.cumsum(np.sum(weighted ** 2, axis=1))])
    block, hop = RATE * 4 // 10, RATE // 10
    ends = np.arange(block, len(power), hop)
    mean = (power[ends] - power[ends - block]) / block
    mean = mean[mean > 10 ** ((-70 + 0.691) / 10)]
    if len(mean) == 0:
        return float("-inf")
    mean = mean[mean > np.mean(mean) / 10]
    return float(-0.691 + 10 * np.log10(np.mean(mean)))


def true_peak(x):
    """dBTP: the largest magnitude of the signal at 192 kHz, by a windowed sinc of 48 taps a phase."""
    taps = 48
    n = np.arange(-taps * 2, taps * 2 + 1)
    h = np.sinc(n / 4) * np.hanning(len(n) + 2)[1:-1]
    worst = float(np.max(np.abs(x))) if len(x) else 0.0
    for c in range(2):
        for phase in range(1, 4):
            worst = max(worst, float(np.max(np.abs(_convolve(x[:, c].astype(float), h[phase::4])))))
    return 20 * np.log10(max(worst, 1e-10))


def levels(take):
    """Loudness, true peak, DC and silence of a take; the worst of its 10 s blocks but for loudness,
    which is of the first ten minutes."""
    peak, dc, silent, bad = float("-inf"), 0.0, 0, 0
    for _, block in take.blocks():
        bad += int(np.count_nonzero(~np.isfinite(block)))
        peak = max(peak, true_peak(block))
        if len(block) == 10 * RATE:
            dc = max(dc, float(np.max(np.abs(np.mean(block.astype(float), axis=0)))))
        tenths = block[:len(block) // 4800 * 4800].reshape(-1, 4800 * 2)
        silent += int(np.count_nonzero(np.max(np.abs(tenths), axis=1) < 1e-4)) if len(tenths) else 0
    first = take.stream(take.begin, min(take.end, take.begin + 600 * RATE))
    return {"loudness_lufs": loudness(first), "true_peak_dbtp": peak, "dc": dc,
            "silent_tenths": silent, "not_finite": bad}


# ---- schedule ----

def schedule(arrivals_s, starts):
    """Lateness of each chunk against the schedule that the first one sets, in ms (its percentiles and
    the most early), and the drift: how far the least late chunks of the last tenth have moved from
    those of the first."""
    late = (np.array(arrivals_s) - np.array(starts) / RATE) * 1000
    late -= late[0]
    tenth = max(len(late) // 10, 1)
    return {"late_ms_p50": float(np.percentile(late, 50)), "late_ms_p99": float(np.percentile(late, 99)),
            "late_ms_max": float(late.max()), "early_ms_max": float(-late.min()),
            "drift_ms": float(late[-tenth:].min() - late[:tenth].min())}
