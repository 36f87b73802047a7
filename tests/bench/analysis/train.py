#!/usr/bin/env python3
"""Learns the weights of services/processor/analysis/analysis_*_model.c from rendered pieces with known answers.

    corpus_make --half=tune --count=142 --out=DIR
    make_cuts.py DIR CUTS
    train.py --dump BUILD/tests/analysis_dump --corpus DIR --cuts CUTS --out services/processor/analysis [PART...]

Parts: bars level extent chords key sections. The features depend on earlier weights (all on the network that
train_beats.py learns, level on bars, cells and bars of the form on beats), so run it twice, building in between. Needs numpy. Only the tune half may be used. Numbers that are not given are drawn with a fixed seed.
"""
import argparse
import json
import pathlib
import subprocess

import numpy as np

PITCHES = "C C# D D# E F F# G G# A A# B".split()
QUALITIES = "maj min 7 maj7 min7 dim hdim7 dim7 aug sus4 sus2".split()
SAME_QUALITY = {"6": "maj", "maj6": "maj", "min6": "min", "minmaj7": "min", "9": "7", "maj9": "maj7", "min9": "min7"}
NONE = 12 * len(QUALITIES)
HIDDEN, CONTEXT, INPUTS = 32, 4, 9
RESONANCE = -1.0  # log odds of a tempo an octave from 110 bpm
KRUMHANSL = ([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
             [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


class Reader:
    """Arrays one after another, as analysis_dump writes them."""

    def __init__(self, path):
        self.bytes, self.at = path.read_bytes(), 0

    def take(self, dtype, *shape):
        n = int(np.prod(shape))
        out = np.frombuffer(self.bytes, dtype, n, self.at).reshape(shape)
        self.at += out.nbytes
        return out

    def count(self):
        return int(self.take("i4", 1)[0])


def read_dump(path):
    r, song = Reader(path), {"candidates": []}
    n, n_level, n_beat, n_extent = (r.count() for _ in range(4))
    for _ in range(n):
        beats = r.count()
        song["candidates"].append({"period": r.take("f8", 1)[0], "times": r.take("f8", beats),
                                   "level": r.take("f4", n_level), "beats": r.take("f4", beats, n_beat),
                                   "extent": r.take("f4", beats, n_extent)})
    song["inputs"] = r.take("f4", r.count(), INPUTS)
    cells = r.count()
    song["cells"], song["chroma"] = r.take("f8", cells, 2), r.take("f4", cells, 52)
    song["key"], song["key_chords"] = r.take("f4", 60), r.take("f4", 24, 60)
    bars = r.count()
    song["bars"] = r.take("f8", bars + 1)
    song["boundary"] = r.take("f4", bars, r.count())
    song["melody"], song["timbre"], song["harmony"] = (r.take("f4", bars, n) for n in (8 * 84, 24, 96))
    return song


def load(args, corpus):
    songs = []
    for n, truth_path in enumerate(sorted(pathlib.Path(corpus).glob("*/truth.json"))):
        mixes = sorted(truth_path.parent.glob("*.wav"))
        wav = mixes[n % len(mixes)]
        out = wav.with_suffix(".dump")
        if args.fresh or not out.exists():
            subprocess.run([args.dump, wav, out], check=True)
        song = read_dump(out)
        song["truth"] = json.loads(truth_path.read_text())
        songs.append(song)
    return songs


def adam(loss, weights, steps, rate, decay, keep=(), project=None):
    """Minimises loss(weights) -> value, gradients; `keep` lists weights that do not decay."""
    m, v = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    decays = np.broadcast_to(decay, len(weights))
    for t in range(1, steps + 1):
        value, grads = loss(weights)
        for i, g in enumerate(grads):
            g = g if i in keep else g + decays[i] * weights[i]
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
            step = (m[i] / (1 - 0.9**t)) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
            weights[i] = weights[i] - rate * (1.0 if t < 0.7 * steps else 0.2) * step
        if project:
            project(weights)
    print(f"  loss {value:.4f}")
    return weights


def logistic(x, y, steps=600, decay=3e-3, project=None):
    def loss(w):
        p = 1 / (1 + np.exp(-(x @ w[0] + w[1])))
        d = (p - y) / len(y)
        return -np.mean(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9)), [x.T @ d, d.sum()]
    return adam(loss, [np.zeros(x.shape[1]), np.array(-1.0)], steps, 0.02, decay, (1,), project)


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def f_measure(truth, found):
    truth, found = truth[truth >= 5], found[found >= 5]
    if not len(truth) or not len(found):
        return 0.0
    hits = sum(np.min(np.abs(found - t)) <= 0.07 for t in truth)
    return 2 * hits / (len(truth) + len(found))


def beat_truth(song):
    beats = song["truth"]["beats"]
    return np.array([b["time"] for b in beats]), np.array([b["beatNum"] for b in beats])


def best_candidate(song):
    times, _ = beat_truth(song)
    f = np.array([f_measure(times, c["times"]) for c in song["candidates"]])
    return (int(np.argmax(f)), f) if len(f) else (-1, f)


def train_bars(songs):
    x, y = [], []
    for song in songs:
        k, f = best_candidate(song)
        if k < 0 or f[k] < 0.8:
            continue
        c, (times, numbers) = song["candidates"][k], beat_truth(song)
        rows = np.pad(c["beats"], ((CONTEXT, CONTEXT), (0, 0)))
        near = np.abs(times[None] - c["times"][:, None]).argmin(1)
        ok = np.abs(times[near] - c["times"]) < 0.09
        around = [rows[j:j + len(near)] for j in range(2 * CONTEXT + 1)]
        x.append(np.concatenate(around, 1)[ok])
        y.append((numbers[near] == 1)[ok])
    w = logistic(np.concatenate(x).astype("f8"), np.concatenate(y).astype("f8"))
    return [("ANALYSIS_BARS_BIAS", "", w[1]),
            ("ANALYSIS_BARS_WEIGHTS", "[2 * ANALYSIS_BEAT_CONTEXT + 1][ANALYSIS_N_BEAT_FEATURES]",
             w[0].reshape(2 * CONTEXT + 1, -1))]


def train_level(songs):
    rivals, meters_x, meters_y = [], [], []
    for song in songs:
        k, f = best_candidate(song)
        if k < 0:
            continue
        features = np.array([c["level"] for c in song["candidates"]], "f8")
        period = np.median(np.diff(beat_truth(song)[0]))
        near = np.array([abs(np.log2(c["period"] / period)) < 0.07 for c in song["candidates"]])
        rivals.append((features, softmax(12 * (f + 0.05 * near))))
        if f[k] > 0.8:
            ternary = np.mean([features[k, 6 + 4 * b] - features[k, 5 + 4 * b] for b in range(7)])
            meters_x.append([1, ternary, features[k, 0], *features[k, -3:]])
            meters_y.append(song["truth"]["meter"] - 2)
    every = np.concatenate([r[0] for r in rivals])
    mean, scale = every.mean(0), every.std(0) + 1e-3
    learnt = np.arange(len(mean)) >= 2  # not the tempo: the corpus's own must not count

    def loss(w):
        value, grad = 0.0, 0.0
        for features, target in rivals:
            x = (features - mean) / scale * learnt
            p = softmax(x @ w[0] + RESONANCE * features[:, 1])
            value, grad = value - (target * np.log(p + 1e-12)).sum(), grad + x.T @ (p - target)
        return value / len(rivals), [grad / len(rivals)]
    level = adam(loss, [np.zeros(len(mean))], 300, 0.03, 0.1)[0] * learnt / scale + RESONANCE * (np.arange(len(mean)) == 1)
    scale = np.array([1, 0.3, 0.5, 0.2, 0.2, 0.2])
    x, y = np.array(meters_x) / scale, np.eye(3)[meters_y]

    def meter_loss(w):
        p = softmax(x @ w[0].T)
        return -np.mean((y * np.log(p + 1e-12)).sum(1)), [(p - y).T @ x / len(x)]
    meter = adam(meter_loss, [np.zeros((3, 6))], 600, 0.02, 5e-3)[0] / scale
    return [("ANALYSIS_LEVEL_WEIGHTS", "[ANALYSIS_N_LEVEL_FEATURES]", level),
            ("ANALYSIS_METER_WEIGHTS", "[ANALYSIS_N_METERS][3 + ANALYSIS_N_METERS]", meter)]


def around(rows):
    """A beat's features, the largest of the next 4 beats and of the 4 before, as analysis_extent.c sees them."""
    beyond = np.full((4, rows.shape[1]), -3.0)
    padded = np.concatenate([beyond, rows, beyond])
    largest = [np.max([padded[i:i + len(rows)] for i in range(a, a + 4)], 0) for a in (5, 0)]
    return np.concatenate([rows, *largest], 1)


def train_extent(songs):
    x, y = [], []
    for song in songs:
        k, f = best_candidate(song)
        if k < 0 or f[k] < 0.8:
            continue
        c, (times, _) = song["candidates"][k], beat_truth(song)
        margin = 0.3 * np.median(np.diff(times))
        x.append(around(c["extent"]))
        y.append((c["times"] > times[0] - margin) & (c["times"] < times[-1] + margin))
    w = logistic(np.concatenate(x).astype("f8"), np.concatenate(y).astype("f8"), steps=1500, decay=1e-3)
    return [("ANALYSIS_EXTENT_BIAS", "", w[1] + 0.5),  # rather a beat too many than music lost
            ("ANALYSIS_EXTENT_WEIGHTS", "[3][ANALYSIS_N_EXTENT]", w[0].reshape(3, -1))]


def state_of(label):
    """Index of a Harte label among root * qualities + quality; None: not in the vocabulary."""
    if label == "N":
        return NONE
    root, _, quality = label.split("/")[0].partition(":")
    quality = SAME_QUALITY.get(quality or "maj", quality or "maj")
    if root not in PITCHES or quality not in QUALITIES:
        return None
    return PITCHES.index(root) * len(QUALITIES) + QUALITIES.index(quality)


def chord_cells(songs):
    x, y = [], []
    for song in songs:
        for (start, end), chroma in zip(song["cells"], song["chroma"]):
            shared = [min(end, c["end"]) - max(start, c["start"]) for c in song["truth"]["chords"]]
            best = int(np.argmax(shared))
            state = state_of(song["truth"]["chords"][best]["label"])
            if state is not None and shared[best] >= 0.6 * (end - start):
                x.append(chroma)
                y.append(state)
    return np.array(x, "f4"), np.array(y)


def turns(n):
    """Row r: indices that bring pitch class r first in each group of twelve."""
    return np.array([[i // 12 * 12 + (i % 12 + r) % 12 for i in range(n)] for r in range(12)])


def train_chords(songs):
    x, y = chord_cells(songs)
    turn, rng, n_q = turns(48), np.random.default_rng(0), len(QUALITIES)
    weights = [rng.normal(0, 0.25, (HIDDEN, 48)), np.zeros(HIDDEN), rng.normal(0, 0.2, (n_q, HIDDEN)),
               np.zeros(n_q), np.zeros(4), np.array(0.0)]

    def loss(w):
        pick = rng.integers(0, len(x), 1024)
        rows = np.arange(len(pick))
        noisy = np.maximum(0, x[pick, :48] + rng.normal(0, 0.03, (len(pick), 48)))[:, turn]
        hidden = np.maximum(noisy @ w[0].T + w[1], 0)
        scores = (hidden @ w[2].T + w[3]).reshape(len(pick), NONE)
        none = x[pick, 48:] @ w[4] + w[5]
        d = softmax(np.concatenate([scores, none[:, None]], 1))
        value = -np.mean(np.log(d[rows, y[pick]] + 1e-12))
        d[rows, y[pick]] -= 1
        d /= len(pick)
        dq, dn = d[:, :NONE].reshape(-1, 12, n_q), d[:, NONE]
        dh = (dq @ w[2]) * (hidden > 0)
        both = ([0, 1], [0, 1])
        return value, [np.tensordot(dh, noisy, both), dh.sum((0, 1)), np.tensordot(dq, hidden, both),
                       dq.sum((0, 1)), x[pick, 48:].T @ dn, dn.sum()]
    w = adam(loss, weights, 1500, 0.01, 2e-4, (1, 3, 5))
    return [("ANALYSIS_CHORD_HIDDEN_WEIGHTS", "[ANALYSIS_CHORD_HIDDEN][ANALYSIS_CHORD_INPUTS]", w[0]),
            ("ANALYSIS_CHORD_HIDDEN_BIAS", "[ANALYSIS_CHORD_HIDDEN]", w[1]),
            ("ANALYSIS_CHORD_OUT_WEIGHTS", "[ANALYSIS_N_QUALITIES][ANALYSIS_CHORD_HIDDEN]", w[2]),
            ("ANALYSIS_CHORD_OUT_BIAS", "[ANALYSIS_N_QUALITIES]", w[3]),
            ("ANALYSIS_CHORD_NONE_WEIGHTS", "[ANALYSIS_CHORD_NONE_INPUTS]", w[4]),
            ("ANALYSIS_CHORD_NONE_BIAS", "", w[5])]


def train_key(songs):
    x = np.array([s["key"] for s in songs], "f8")[:, turns(60)]
    chords = np.array([s["key_chords"] for s in songs], "f8").reshape(len(songs), 2, 12, 60)
    names = [s["truth"]["key"].split() for s in songs]
    y = np.eye(24)[[PITCHES.index(tonic) + 12 * (mode == "Minor") for tonic, mode in names]]
    prior = np.zeros((2, 5, 12))
    for mode, profile in enumerate(np.array(KRUMHANSL)):
        shape = (profile - profile.mean()) / profile.std()
        prior[mode, 0], prior[mode, 1] = 2.31 * shape, 1.15 * shape  # treble and bass of the whole song
    prior = prior.reshape(2, 60)

    def loss(w):
        s = np.einsum("nri,mi->nmr", x, w[0] + prior) + np.einsum("nmrf,mf->nmr", chords, w[1])
        p = softmax((s + w[2][None, :, None]).reshape(len(x), 24))
        d = ((p - y) / len(x)).reshape(-1, 2, 12)
        grads = [np.einsum("nmr,nri->mi", d, x), np.einsum("nmr,nmrf->mf", d, chords), d.sum((0, 2))]
        return -np.mean((y * np.log(p + 1e-12)).sum(1)), grads
    # Templates stay near those of listeners; chords, which tell a key from its relatives, are learnt.
    w = adam(loss, [np.zeros((2, 60)), np.zeros((2, 60)), np.zeros(2)], 250, 0.02, (1.0, 5e-3, 0.0))
    return [("ANALYSIS_KEY_WEIGHTS", "[2][ANALYSIS_N_KEY_PROFILES][12]", (w[0] + prior).reshape(2, 5, 12)),
            ("ANALYSIS_KEY_CHORD_WEIGHTS", "[2][ANALYSIS_N_KEY_CHORDS]", w[1]),
            ("ANALYSIS_KEY_BIAS", "[2]", w[2])]


def boundary_marks(song):
    marks, bars = np.zeros(len(song["boundary"])), song["bars"]
    for row in song["truth"]["sections"][1:]:
        k = int(np.argmin(np.abs(bars[:-1] - row["start"])))
        marks[k] = abs(bars[k] - row["start"]) < max(0.5, 0.6 * (bars[k + 1] - bars[k]))
    return marks


def bar_pairs(song, rng):
    """Likenesses of pairs of bars, and whether they are the same place of two sections of one label; all pairs that
    are, and some of the others."""
    middle = (song["bars"][:-1] + song["bars"][1:]) / 2
    rows = song["truth"]["sections"]
    starts = np.array([r["start"] for r in rows])
    section = np.searchsorted(starts, middle, side="right") - 1
    label = np.array([rows[k]["label"] for k in section])
    place = np.round((middle - starts[section]) / np.median(np.diff(song["bars"])) - 0.5)
    i, j = np.triu_indices(len(middle), 1)
    distance = np.sqrt(((song["timbre"][:, None] - song["timbre"][None]) ** 2).mean(-1))
    x = np.stack([song["melody"] @ song["melody"].T, np.exp(-distance / 3), song["harmony"] @ song["harmony"].T], -1)[i, j]
    same = (label[i] == label[j]) & (place[i] == place[j]) & (section[i] != section[j]) & (label[i] != "silence")
    keep = same | (rng.random(len(same)) < 2000 / len(same))
    return x[keep], same[keep]


def train_sections(songs):
    rng = np.random.default_rng(0)
    x, y = np.concatenate([s["boundary"][1:] for s in songs]), np.concatenate([boundary_marks(s)[1:] for s in songs])

    def no_evidence_counts_against(w):
        w[0][:] = np.maximum(w[0], 0)
    cut = logistic(x.astype("f8"), y, 2000, 6e-3, no_evidence_counts_against)
    x, y = (np.concatenate(part) for part in zip(*(bar_pairs(s, rng) for s in songs)))
    same = logistic(x.astype("f8"), y.astype("f8"), 4000, 2e-4, no_evidence_counts_against)
    return [("ANALYSIS_SAME_WEIGHTS", "[ANALYSIS_N_SAME]", same[0]), ("ANALYSIS_SAME_BIAS", "", same[1]),
            ("ANALYSIS_BOUNDARY_WEIGHTS", "[ANALYSIS_N_BOUNDARY_FEATURES]", cut[0]), ("ANALYSIS_BOUNDARY_BIAS", "", cut[1])]


PARTS = {"bars": ("analysis_bars_model", train_bars), "level": ("analysis_level_model", train_level),
         "extent": ("analysis_extent_model", train_extent),
         "chords": ("analysis_chords_model", train_chords), "key": ("analysis_key_model", train_key),
         "sections": ("analysis_boundary_model", train_sections)}


def c_value(value, digits=5):
    value = np.asarray(value)
    if value.ndim:
        return "{" + ", ".join(c_value(v, digits) for v in value) + "}"
    text = f"{float(value):.{digits}g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def write(path, tables):
    lines = [f'#include "{path.stem}.h"\n']
    lines += [f"const float {name}{shape} = {c_value(value)};" for name, shape, value in tables]
    path.write_text("\n".join(lines) + "\n")
    subprocess.run(["clang-format", "-i", path], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--cuts", help="what make_cuts.py made, for the extent")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--fresh", action="store_true", help="dump again what was dumped before")
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    args = parser.parse_args()
    songs = load(args, args.corpus)
    cuts = load(args, args.cuts) if args.cuts else []
    for part in args.parts:
        name, train = PARTS[part]
        print(part)
        write(args.out / f"{name}.c", train(songs + cuts if part == "extent" else songs))


if __name__ == "__main__":
    main()
