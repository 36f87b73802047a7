#!/usr/bin/env python3
"""Learns the network of services/processor/analysis/analysis_activation.c from what train.py has dumped.

    train_beats.py --out services/processor/analysis/analysis_activation_model.c DIR...

DIR: rendered pieces of the tune half, and the excerpts of make_cuts.py; every *.dump with its truth.json counts.
Crops of 24 s; every one is stretched in time, curves are scaled, blurred with noise and left out at random, so that
no tempo, instrument or band can be relied on. Needs torch and numpy; fixed seed; a minute or two of one core.
"""
import argparse
import json
import pathlib
import textwrap

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from train import INPUTS, c_value, read_dump

UNITS, LAYERS, TAPS_IN = 12, 9, 5
FPS, CENTRE = 22050 / 512, 0.25
CROP, BATCH, STRETCH = 1024, 8, 1.25


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(INPUTS, UNITS, TAPS_IN, padding=TAPS_IN // 2)
        self.hidden = nn.ModuleList(nn.Conv1d(UNITS, UNITS, 3, padding=2**k, dilation=2**k) for k in range(LAYERS))
        self.last = nn.Conv1d(UNITS, 2, 1)
        self.drop = nn.Dropout1d(0.08)

    def forward(self, x):
        h = torch.relu(self.first(x))
        for layer in self.hidden:
            h = h + self.drop(torch.relu(layer(h)))
        return self.last(h)


def load(folders):
    songs = []
    for path in sorted(p for folder in folders for p in pathlib.Path(folder).glob("*/*.dump")):
        beats = json.loads((path.parent / "truth.json").read_text())["beats"]
        songs.append((read_dump(path)["inputs"], np.array([b["time"] for b in beats]),
                      np.array([b["beatNum"] for b in beats])))
    return songs


def target(n, times, numbers, stretch):
    """Ones at the frames of beats and of downbeats, halves beside them."""
    y = np.zeros((2, n), "f4")
    for row, chosen in enumerate((times, times[numbers == 1])):
        for offset, value in ((0, 1.0), (-1, 0.5), (1, 0.5)):
            at = np.round(chosen * stretch * FPS - CENTRE).astype(int) + offset
            at = at[(at >= 0) & (at < n)]
            y[row, at] = np.maximum(y[row, at], value)
    return y


def crop(songs, rng):
    x, times, numbers = songs[rng.integers(len(songs))]
    stretch = np.exp(rng.uniform(-np.log(STRETCH), np.log(STRETCH)))
    n = int(len(x) * stretch)
    start = rng.integers(0, max(1, n - CROP))
    m = min(CROP, n - start)
    at = (np.arange(start, start + m) + CENTRE) / stretch - CENTRE
    low = np.clip(np.floor(at).astype(int), 0, len(x) - 1)
    high, part = np.minimum(low + 1, len(x) - 1), (at - np.floor(at))[:, None]
    rows = 0.5 * np.maximum(x[low], x[high]) + 0.5 * (x[low] * (1 - part) + x[high] * part)
    rows = rows + rng.normal(0, 0.15, rows.shape)
    rows[:, :7] *= np.exp(rng.normal(0, 0.2, 7))
    for k in np.flatnonzero(rng.random(INPUTS) < 0.08):
        rows[:, k] = rng.normal(-0.2, 0.2, m)
    inputs, wanted, counts = np.zeros((INPUTS, CROP), "f4"), np.zeros((2, CROP), "f4"), np.zeros(CROP, "f4")
    inputs[:, :m], wanted[:, :m], counts[:m] = rows.T, target(n, times, numbers, stretch)[:, start:start + m], 1
    return inputs, wanted, counts


def learn(songs, steps):
    rng, net = np.random.default_rng(0), Network()
    adam = torch.optim.Adam(net.parameters())
    weight = torch.tensor([[2.0], [4.0]])
    for step in range(steps):
        adam.param_groups[0]["lr"] = 4e-3 * min(1, (step + 1) / 50) * (0.51 + 0.5 * np.cos(np.pi * step / steps))
        x, y, counts = (torch.tensor(np.stack(v)) for v in zip(*(crop(songs, rng) for _ in range(BATCH))))
        loss = functional.binary_cross_entropy_with_logits(net(x), y, reduction="none", pos_weight=weight)
        loss = (loss * counts[:, None]).sum() / counts.sum() / 2
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        if step % 200 == 0:
            print(step, round(loss.item(), 4), flush=True)
    return {name: value.numpy() for name, value in net.state_dict().items()}


def write(path, w):
    hidden = np.stack([w[f"hidden.{k}.weight"].transpose(2, 1, 0) for k in range(LAYERS)])
    tables = [("IN[ANALYSIS_ACTIVATION_TAPS_IN][ANALYSIS_N_ACTIVATION_INPUTS] [ANALYSIS_ACTIVATION_UNITS]",
               w["first.weight"].transpose(2, 1, 0)), ("IN_BIAS[ANALYSIS_ACTIVATION_UNITS]", w["first.bias"]),
              ("HIDDEN[ANALYSIS_ACTIVATION_LAYERS][3] [ANALYSIS_ACTIVATION_UNITS][ANALYSIS_ACTIVATION_UNITS]", hidden),
              ("HIDDEN_BIAS[ANALYSIS_ACTIVATION_LAYERS][ANALYSIS_ACTIVATION_UNITS]",
               np.stack([w[f"hidden.{k}.bias"] for k in range(LAYERS)])),
              ("OUT[2][ANALYSIS_ACTIVATION_UNITS]", w["last.weight"][:, :, 0]), ("OUT_BIAS[2]", w["last.bias"])]
    text = ['#include "analysis_activation_model.h"', "", "/* clang-format off */"]
    for name, value in tables:
        line = f"const float ANALYSIS_ACTIVATION_{name} = {c_value(value, 3)};"
        text += textwrap.wrap(line, 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    path.write_text("\n".join(text + ["/* clang-format on */", ""]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("folders", nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    write(args.out, learn(load(args.folders), args.steps))


if __name__ == "__main__":
    main()
