"""The judge flags what it is there to flag, and nothing else."""
import io

import numpy as np
import pytest
import soundfile

import judge
from judge import RATE

V = 1920
HOP = 2 * RATE


def chords(seconds, level=0.05):
    """Three held notes on either side, slightly apart, with a slow swell: nothing starts."""
    t = np.arange(int(seconds * RATE)) / RATE
    swell = 0.8 + 0.2 * np.sin(2 * np.pi * 0.2 * t)
    left, right = (swell * level * sum(np.sin(2 * np.pi * f * t + p) for p, f in enumerate(notes))
                   for notes in ((220.0, 277.2, 329.6), (220.5, 277.0, 330.1)))
    return np.stack([left, right], axis=1).astype(np.float32)


def cut(x, hop=HOP, overlap=V):
    n = (len(x) - overlap) // hop
    return judge.Take(overlap, [judge.Chunk(k, k * hop, x[k * hop:(k + 1) * hop + overlap])
                                for k in range(n)])


def fade(take):
    """The document's page: linear in and out over the overlap."""
    for chunk in take.chunks:
        end = len(chunk.samples) / RATE
        length = take.overlap / RATE
        chunk.envelope = judge.automation([
            ("setValueAtTime", (0, 0)), ("linearRampToValueAtTime", (1, length)),
            ("setValueAtTime", (1, end - length)), ("linearRampToValueAtTime", (0, end))])
    return take


def test_overlap_add_gives_back_the_stream_to_the_bit():
    x = chords(9)
    take = cut(x)
    assert take.holes() == [] and take.broken_copies() == []
    assert judge.same_bits(take, x) == (take.end, None)
    for begin, end in ((0, 5000), (HOP - 7, HOP + 5), (HOP + 900, HOP + 4000), (10, 3 * HOP)):
        assert np.array_equal(take.stream(begin, end), x[begin:end])


def test_one_bit_is_seen():
    x = chords(9)
    take = cut(x.copy())
    take.chunks[2].samples = take.chunks[2].samples.copy()
    take.chunks[2].samples[5000].view(np.uint32)[0] ^= 1
    assert judge.same_bits(take, x)[1] == 2 * HOP + 5000
    take.chunks[2].samples[3].view(np.uint32)[1] ^= 1
    assert take.broken_copies() == [2]


def test_a_hole_is_seen():
    take = cut(chords(13))
    del take.chunks[3], take.starts[3]
    assert take.holes() == [4]


@pytest.mark.parametrize("overlap", [0, 1200, 1920, 4800])
def test_every_overlap_joins_without_click(overlap):
    x = chords(9)
    take = cut(x, overlap=overlap)
    assert judge.clicks(take.stream, take.joins(), 0, take.end) == []


def test_jumps_at_joins_alone_are_in_excess():
    even, at_joins = chords(41), chords(41)
    for k in range(1, 20):
        even[k * HOP:] += judge.STEP * (-1) ** k
        even[k * HOP + V + HOP // 2:] += judge.STEP * (-1) ** k
        at_joins[k * HOP:] += judge.STEP * (-1) ** k
    assert judge.excess_clicks(cut(even), 0) == 0
    assert judge.excess_clicks(cut(at_joins), 0) == 19
    assert judge.excess_clicks(cut(at_joins), 10 * HOP) == 10


def test_the_page_s_gains_give_back_the_stream():
    x = chords(9)
    take = fade(cut(x))
    assert judge.difference(take, x, read=take.played, skip=V) < 1e-6
    assert judge.clicks(take.played, take.joins(), V, take.end) == []


@pytest.mark.parametrize("at", [0, 40, -90])
def test_a_step_of_a_hundredth_is_flagged(at):
    x = chords(9)
    x[HOP + at:] += judge.STEP
    take = cut(x)
    assert judge.clicks(take.stream, take.joins(), 0, take.end) == [HOP]


def test_a_step_in_one_channel_is_flagged():
    x = chords(9)
    x[HOP:, 1] += judge.STEP
    take = cut(x)
    assert judge.clicks(take.stream, [HOP], 0, take.end) == [HOP]


def test_a_jump_that_the_music_has_too_is_no_click():
    x = chords(9)
    x[HOP:] += judge.STEP
    take = cut(x)
    assert judge.clicks(take.stream, take.joins(), 0, take.end, reference=lambda a, b: x[a:b]) == []


def test_a_late_player_is_flagged():
    """A page that overlaps by 25 ms chunks made for 40 ms plays each join out of step."""
    x = chords(9)
    take = fade(cut(x))
    for k, chunk in enumerate(take.chunks):
        chunk.start += 720 * k
    take.starts = [c.start for c in take.chunks]
    assert judge.difference(take, x, read=take.played, skip=V) > 0.01


def test_wav_f32_is_read_and_a_wrong_header_is_not():
    x = chords(1)
    out = io.BytesIO()
    soundfile.write(out, x, RATE, format="WAV", subtype="FLOAT")
    with pytest.raises(AssertionError):
        judge.wav_f32(out.getvalue())  # soundfile puts a PEAK chunk in
    size = x.nbytes
    head = (b"RIFF" + (size + 50).to_bytes(4, "little") + b"WAVEfmt " + (18).to_bytes(4, "little") +
            bytes.fromhex("03000200 80bb0000 00dc0500 0800 2000 0000") + b"fact" +
            (4).to_bytes(4, "little") + len(x).to_bytes(4, "little") + b"data" + size.to_bytes(4, "little"))
    assert len(head) == 58
    assert np.array_equal(judge.wav_f32(head + x.tobytes()), x)
    with pytest.raises(AssertionError):
        judge.wav_f32(head + x.tobytes()[:-8])


def test_a_squared_sine_and_cosine_curve_is_followed():
    n = 64
    rise = np.sin(np.linspace(0, np.pi / 2, n)) ** 2
    curve = judge.automation([("setValueCurveAtTime", (list(rise), 0.0, 0.04)),
                              ("setValueCurveAtTime", (list(rise[::-1]), 2.0, 0.04))])
    assert curve(np.array([0.02, 1.0, 2.02, 2.5])) == pytest.approx([0.5, 1, 0.5, 0], abs=1e-3)


def test_loudness_of_a_known_tone():
    """A 997 Hz sine of -20 dBFS in both channels has -20 LUFS (EBU Tech 3341, case 1: -23)."""
    t = np.arange(20 * RATE) / RATE
    tone = (10 ** (-20 / 20) * np.sin(2 * np.pi * 997 * t)).astype(np.float32)
    assert judge.loudness(np.stack([tone, tone], axis=1)) == pytest.approx(-20.0, abs=0.1)


def test_true_peak_lies_between_the_samples():
    """A quarter of the rate, 45 degrees off: the samples reach 0.7071 of the peak."""
    t = np.arange(RATE)
    tone = np.sin(np.pi / 2 * t + np.pi / 4).astype(np.float32) * 0.5
    window = np.minimum(1, np.minimum(t, len(t) - 1 - t) / 4800)
    x = np.stack([tone * window, tone * window], axis=1)
    assert judge.true_peak(x) == pytest.approx(20 * np.log10(0.5), abs=0.05)


def test_levels_count_silence_offset_and_what_is_not_finite():
    x = chords(25) + np.float32(0.001)
    x[5 * RATE:6 * RATE] = 0
    x[7 * RATE, 0] = np.nan
    found = judge.levels(cut(np.nan_to_num(x), overlap=0))
    assert found["silent_tenths"] in (9, 10) and found["dc"] == pytest.approx(0.001, rel=0.15)
    assert judge.levels(cut(x, overlap=0))["not_finite"] == 1


def test_schedule_tells_lateness_and_drift():
    starts = [k * HOP for k in range(100)]
    even = judge.schedule([s / RATE + 5 for s in starts], starts)
    assert even["late_ms_max"] == pytest.approx(0, abs=1e-6) and even["drift_ms"] == pytest.approx(0, abs=1e-6)
    slow = judge.schedule([s / RATE * (1 + 1e-4) for s in starts], starts)
    assert slow["drift_ms"] == pytest.approx(18, abs=2)
    one = judge.schedule([s / RATE + (0.3 if k == 50 else 0) for k, s in enumerate(starts)], starts)
    assert one["late_ms_max"] == pytest.approx(300) and one["drift_ms"] == pytest.approx(0, abs=1e-6)
