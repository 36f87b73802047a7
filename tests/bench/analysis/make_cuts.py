#!/usr/bin/env python3
"""Excerpts and fades of rendered pieces, for train.py: songs do not always end with a last chord.

    make_cuts.py DIR OUT        # DIR as made by corpus_make --half=tune

Two pieces of three fade out over 5 to 12 s, the rest are cut out of the middle. OUT/<piece>/cut.wav and truth.json
with the beats that can still be heard. Needs numpy and soundfile; fixed seed.
"""
import json
import pathlib
import sys

import numpy as np
import soundfile

AUDIBLE_DB = -50


def fade(samples, rate, rng):
    n = min(int(rng.uniform(5, 12) * rate), len(samples))
    ramp = 10 ** (-np.linspace(0, rng.uniform(35, 60), n) / 20) * np.sqrt(np.linspace(1, 0, n))
    samples[-n:] *= ramp[:, None].astype("f4")
    return np.concatenate([samples, np.zeros((int(rng.uniform(0, 2) * rate), 2), "f4")])


def level_db(samples, rate, at):
    stretch = samples[int(at * rate):int((at + 0.3) * rate)]
    return 10 * np.log10(np.mean(stretch**2) + 1e-12) if len(stretch) else -120


def cut(piece, number, out, rng):
    truth = json.loads((piece / "truth.json").read_text())
    times = [b["time"] for b in truth["beats"]]
    samples, rate = soundfile.read(sorted(piece.glob("*.wav"))[number // 3 % 3], dtype="float32")
    start, end = 0.0, times[0] + (times[-1] - times[0]) * rng.uniform(0.6, 0.85)
    if number % 3 < 2:
        samples = fade(samples[:int(end * rate)].copy(), rate, rng)
    else:
        start = times[0] + rng.uniform(5, 12)
        samples = samples[int(start * rate):int(end * rate)]
    truth["duration"] = len(samples) / rate
    truth["beats"] = [{"time": b["time"] - start, "beatNum": b["beatNum"]} for b in truth["beats"]
                      if 0 <= b["time"] - start < truth["duration"] - 0.02
                      and level_db(samples, rate, b["time"] - start) > AUDIBLE_DB]
    folder = out / piece.name
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "cut.wav", samples, rate, subtype="PCM_16")
    (folder / "truth.json").write_text(json.dumps(truth))


def main():
    pieces, out, rng = sorted(pathlib.Path(sys.argv[1]).glob("tune-*")), pathlib.Path(sys.argv[2]), np.random.default_rng(3)
    for number, piece in enumerate(pieces):
        cut(piece, number, out, rng)


if __name__ == "__main__":
    main()
