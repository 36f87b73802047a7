"""Voices and drum kits beside those of the corpus, in its own layout, for corpus_learn to mix in.

    extra_stems.py DIR

Needs numpy, scipy, soundfile and pyworld from PyPI, and Debian's flite, fluidsynth, fluid-soundfont-gm,
timgm6mb-soundfont and avldrums.lv2-soundfont. Voices: sentences of flite's speakers, recorded people, taken apart by
WORLD, sung to random melodies and put together again. Kits: random grooves on kits that were sampled from real drums and
on the fonts' further kits. One speaker and one kit are left to "held-": no table is learned from them.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
import pyworld
import soundfile
from scipy.signal import fftconvolve, resample_poly

RATE, SECONDS = 44100, 28
SPEAKERS = {"slt": "train", "awb": "train", "kal16": "train", "rms": "held"}
FONTS = pathlib.Path("/usr/share/sounds/sf2")
KITS = [("Black_Pearl_4_LV2.sf2", 0, "train"), ("Black_Pearl_4_LV2.sf2", 0, "train"), ("Red_Zeppelin_4_LV2.sf2", 0, "held"),
        ("Red_Zeppelin_4_LV2.sf2", 0, "held")]
KITS += [("FluidR3_GM.sf2", program, "train") for program in (0, 8, 16, 24, 25, 32)]
KITS += [("TimGM6mb.sf2", program, "train") for program in (0, 8, 16, 25)]
WORDS = ("when the night comes down over water I will carry your name through silver streets we were running like children "
         "nobody told me love was a fire slowly burning every morning shining far away hold on to what you gave me sister "
         "breaking the silence dancing under the yellow moon take my heart and leave your shadow").split()


def write(directory, stem, left, right):
    directory.mkdir(parents=True, exist_ok=True)
    soundfile.write(directory / f"clean.{stem}.wav", np.stack([left, right], 1).clip(-0.99, 0.99), RATE, subtype="PCM_24")


# ---- voices ----

def speak(speaker, rng, scratch):
    text = " ".join(rng.choice(WORDS, 9))
    subprocess.run(["flite", "-voice", speaker, "-t", text, "-o", scratch / "say.wav"], check=True)
    x, rate = soundfile.read(scratch / "say.wav")
    return x.astype(np.float64), rate


def melody(n, rng, low_midi):
    """MIDI pitch a frame of 5 ms: notes of a scale, scoops and vibrato."""
    scale, pitch, at = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14]), np.zeros(n), 0
    degree = rng.integers(0, 9)
    while at < n:
        length = int(rng.choice([30, 50, 80, 120, 200]))
        degree = int(np.clip(degree + rng.integers(-2, 3), 0, 8))
        t = np.arange(min(length, n - at))
        vibrato = rng.uniform(0, 0.6) * np.clip(t / 60 - 0.5, 0, 1) * np.sin(2 * np.pi * 5.5 * t * 0.005)
        pitch[at:at + length] = low_midi + scale[degree] + vibrato - rng.uniform(0, 1.5) * np.exp(-t / 8)
        at += length
    return pitch


def sing(speaker, rng, scratch):
    x, rate = speak(speaker, rng, scratch)
    f0, times = pyworld.dio(x, rate)
    f0 = pyworld.stonemask(x, f0, times, rate)
    envelope, aperiodicity = pyworld.cheaptrick(x, f0, times, rate), pyworld.d4c(x, f0, times, rate)
    stretch = np.where(f0 > 0, rng.uniform(1.3, 2.6), 1.0)
    frames = np.searchsorted(np.cumsum(stretch), np.arange(int(stretch.sum()))).clip(0, len(f0) - 1)
    low = 12 * np.log2(np.median(f0[f0 > 0]) / 440) + 69 + rng.uniform(-2, 5)
    if rng.random() < 0.25:  # spoken, as it was
        sung = f0[frames]
    else:
        sung = np.where(f0[frames] > 0, 440 * 2 ** ((melody(len(frames), rng, low) - 69) / 12), 0)
    y = pyworld.synthesize(sung, envelope[frames], aperiodicity[frames], rate)
    return resample_poly(y, RATE, rate)


def make_voice(directory, speaker, rng, scratch):
    out, at = np.zeros(RATE * SECONDS), int(rng.uniform(0, 2) * RATE)
    while at < len(out) - RATE:
        y = sing(speaker, rng, scratch)[:len(out) - at]
        out[at:at + len(y)] += y * 0.1 / (np.sqrt(np.mean(y ** 2)) + 1e-9)
        at += len(y) + int(rng.choice([0.1, 0.6, 2.5]) * RATE)
    left, right = out, out
    if rng.random() < 0.6:
        t = np.arange(int(RATE * rng.uniform(0.3, 1.2))) / RATE
        wet = rng.uniform(0.02, 0.1)
        tail = [rng.standard_normal(len(t)) * np.exp(-6.9 * t / t[-1]) / np.sqrt(RATE * 0.1) * wet * 10 for _ in "lr"]
        left, right = (out + fftconvolve(out, h)[:len(out)] for h in tail)
    write(directory, "vocals", left, right)


# ---- drums ----

def variable_length(n):
    out = [n & 127]
    while n := n >> 7:
        out.insert(0, n & 127 | 128)
    return bytes(out)


def midi_file(path, channel, program, notes):
    """Notes are (second, pitch, velocity); 1000 ticks a second."""
    events = sorted([(int(s * 1000), bytes([0x90 + channel, p, v])) for s, p, v in notes] +
                    [(int(s * 1000) + 90, bytes([0x80 + channel, p, 0])) for s, p, _ in notes])
    track, now = b"\0\xff\x51\x03" + (500000).to_bytes(3, "big") + b"\0" + bytes([0xC0 + channel, program]), 0
    for tick, data in events:
        track += variable_length(tick - now) + data
        now = tick
    track += b"\x90\x00\xff\x2f\0"
    path.write_bytes(b"MThd" + struct.pack(">IHHH", 6, 0, 1, 500) + b"MTrk" + struct.pack(">I", len(track)) + track)


def groove(rng):
    """Bars of sixteenths: each part a pattern that is kept, with some variation and fills."""
    beat = 60 / rng.uniform(70, 165)
    kick = rng.random(16) < np.tile([0.8, 0.05, 0.3, 0.1], 4)
    snare = np.zeros(16, bool)
    snare[[4, 12] if rng.random() < 0.8 else [8]] = True
    ghosts = rng.random(16) < 0.08
    hats = rng.random(16) < (np.tile([1, 0, 1, 0], 4) if rng.random() < 0.6 else np.tile([1, 0.7, 1, 0.7], 4))
    hat = int(rng.choice([42, 42, 46, 51]))
    notes = {"kick": [], "snare": [], "drums_other": []}
    at, bar, snare_pitch = rng.uniform(0, 1), 0, int(rng.choice([38, 38, 40]))
    while at < SECONDS - 3:
        fill = bar % 4 == 3 and rng.random() < 0.6
        for step in range(16):
            t = at + step * beat / 4 + abs(rng.normal(0, 0.004))
            loud = lambda base: int(np.clip(base + rng.normal(0, 8), 20, 127))
            if kick[step] and not (fill and step > 11):
                notes["kick"].append((t, 36, loud(105)))
            if snare[step] or (fill and step > 11 and rng.random() < 0.5):
                notes["snare"].append((t, snare_pitch, loud(108)))
            elif ghosts[step]:
                notes["snare"].append((t, snare_pitch, loud(45)))
            elif fill and step > 11:
                notes["drums_other"].append((t, int(rng.choice([45, 47, 48, 50])), loud(100)))
            if hats[step]:
                notes["drums_other"].append((t, hat, loud(80 + 12 * (step % 4 == 0))))
        if bar % 4 == 0:
            notes["drums_other"].append((at, 49, 105))
        at, bar = at + 4 * beat, bar + 1
    return notes


# The kits of avldrums are presets of the melodic bank, those of General MIDI of the drum channel.
def make_kit(directory, font, program, rng, scratch):
    sounds = {}
    for part, notes in groove(rng).items():
        midi_file(scratch / "kit.mid", 0 if font.endswith("LV2.sf2") else 9, program, notes)
        subprocess.run(["fluidsynth", "-niq", "-R", "0", "-C", "0", "-g", "0.7", "-r", str(RATE), "-F", scratch / "kit.wav",
                        FONTS / font, scratch / "kit.mid"], check=True, stdout=subprocess.DEVNULL)
        x, _ = soundfile.read(scratch / "kit.wav", always_2d=True)
        sounds[part] = np.zeros((RATE * SECONDS, 2))
        n = min(len(x), RATE * SECONDS)
        sounds[part][:n] = x[:n]
    level = 0.1 / (np.sqrt(np.mean(sum(sounds.values()) ** 2)) + 1e-9)
    for part, x in sounds.items():
        write(directory, part, x[:, 0] * level, x[:, 1] * level)


def main():
    out, rng = pathlib.Path(sys.argv[1]), np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(16):
            speaker = list(SPEAKERS)[i % len(SPEAKERS)]
            make_voice(out / f"{SPEAKERS[speaker]}-voice-{i:02}", speaker, rng, pathlib.Path(scratch))
        for i, (font, program, half) in enumerate(KITS):
            make_kit(out / f"{half}-kit-{i:02}", font, program, rng, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
