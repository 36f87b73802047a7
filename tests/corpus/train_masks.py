"""Learns the tables of analysis_templates.h and the networks of analysis_stems.c and analysis_drums.c.

    corpus_make --half=tune --count=44 --mixes=clean,reverb --stems --out=DIR
    corpus_learn bands DIR/*/clean > bands.bin              train_masks.py templates bands.bin analysis_templates_table.c
    corpus_learn stems DIR/*/clean DIR/*/reverb > stems.bin  train_masks.py stems stems.bin analysis_stems_net.c
    corpus_learn drums DIR/*/clean DIR/*/reverb > drums.bin  train_masks.py drums drums.bin analysis_drums_net.c

Needs numpy. Templates: non-negative factorisation of each stem's band spectra. Networks: weighted squared error
of the masks (the error of the separated signal), Adam, fixed seed; one row in ten is held out.
"""
import sys

import numpy as np

N_BANDS, N_FEATURES = 40, 20
TEMPLATES = [(1, 4), (2, 4), (3, 3), (4, 2), (5, 4), (0, 3)]  # stem, how many; order of analysis_templates.h
HIDDEN = (24, 16)


def factorise(rows, n, rng, updates=120):
    w, h = rng.random((n, rows.shape[1])) + 0.1, rng.random((len(rows), n)) + 0.1
    for _ in range(updates):
        h *= (rows / (h @ w + 1e-9)) @ w.T / w.sum(1)
        w *= h.T @ (rows / (h @ w + 1e-9)) / (h.sum(0)[:, None] + 1e-9)
    return w / w.sum(1, keepdims=True)


def learn_templates(path):
    rng = np.random.default_rng(1)
    rows = np.fromfile(path, np.float32).reshape(-1, N_BANDS + 1)
    found = []
    for stem, n in TEMPLATES:
        mine = rows[rows[:, 0] == stem, 1:]
        loud = mine[mine.sum(1) > 0.1 * np.quantile(mine.sum(1), 0.95)]
        found.append(factorise(loud[rng.permutation(len(loud))[:20000]], n, rng))
    return np.concatenate(found)


def forward(x, p):
    h1 = np.maximum(x @ p[0] + p[1], 0)
    h2 = np.maximum(h1 @ p[2] + p[3], 0)
    return h1, h2, 1 / (1 + np.exp(-(h2 @ p[4] + p[5])))


def gradients(x, y, weight, p):
    h1, h2, out = forward(x, p)
    d3 = 2 * weight * (out - y) * out * (1 - out) / len(x)
    d2 = (d3 @ p[4].T) * (h2 > 0)
    d1 = (d2 @ p[2].T) * (h1 > 0)
    return [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]


def error(x, y, weight, p):
    return float((weight * (forward(x, p)[2] - y) ** 2).sum() / (weight * y ** 2).sum())


def learn_net(path, n_out, epochs=14, batch=2048):
    rng = np.random.default_rng(2)
    rows = np.fromfile(path, np.float32).reshape(-1, N_FEATURES + 3)
    rows = rows[np.isfinite(rows).all(1)]
    held = np.arange(len(rows)) // 5000 % 10 == 9
    mean, scale = rows[:, :N_FEATURES].mean(0), 1 / (rows[:, :N_FEATURES].std(0) + 1e-3)
    x, y = (rows[:, :N_FEATURES] - mean) * scale, rows[:, N_FEATURES:N_FEATURES + n_out]
    weight = np.minimum(rows[:, -1:], np.quantile(rows[:, -1], 0.99)) ** 0.8
    weight /= weight.mean()
    sizes = (N_FEATURES, *HIDDEN, n_out)
    p = []
    for a, b in zip(sizes, sizes[1:]):
        p += [rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32)]
    m, v = [np.zeros_like(q) for q in p], [np.zeros_like(q) for q in p]
    train, step = np.flatnonzero(~held), 0
    for epoch in range(epochs):
        rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs)) + 2e-5
        order = rng.permutation(train)
        for start in range(0, len(order) - batch, batch):
            pick, step = order[start:start + batch], step + 1
            for i, g in enumerate(gradients(x[pick], y[pick], weight[pick], p)):
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.999 * v[i] + 0.001 * g * g
                p[i] -= (rate * (m[i] / (1 - 0.9 ** step)) / (np.sqrt(v[i] / (1 - 0.999 ** step)) + 1e-8)).astype(np.float32)
        print(f"epoch {epoch}: {error(x[train[:200000]], y[train[:200000]], weight[train[:200000]], p):.4f} "
              f"held out {error(x[held], y[held], weight[held], p):.4f}", flush=True)
    return mean, scale, p


def c_array(name, values):
    numbers = [f"{v:.5g}" for v in np.asarray(values, float).ravel()]
    numbers = [n + ("f" if "." in n or "e" in n else ".0f") for n in numbers]
    lines = [", ".join(numbers[i:i + 10]) for i in range(0, len(numbers), 10)]
    return f"static const float {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "};\n"


def write_net(path, name, n_out, learned):
    mean, scale, p = learned
    parts = dict(zip(("mean", "scale", "w1", "b1", "w2", "b2", "w3", "b3"), (mean, scale, *p)))
    with open(path, "w") as file:
        file.write(f"/* Learned on the tuning half by tests/corpus/train_masks.py. */\n#include \"analysis_{name}_net.h\"\n\n")
        for part, values in parts.items():
            file.write(c_array(part, values) + "\n")
        fields = ", ".join(f".{part} = {part}" for part in parts)
        file.write(f"const analysis_net analysis_{name}_net = {{.n_in = {N_FEATURES}, .n_hidden1 = {HIDDEN[0]}, "
                   f".n_hidden2 = {HIDDEN[1]}, .n_out = {n_out}, {fields}}};\n")


def write_templates(path, templates):
    with open(path, "w") as file:
        file.write("/* Learned on the tuning half by tests/corpus/train_masks.py. */\n#include \"analysis_templates.h\"\n\n")
        file.write("const float analysis_templates[ANALYSIS_N_TEMPLATES][ANALYSIS_N_BANDS] = {\n")
        for row in templates:
            file.write("    {" + ", ".join(f"{v:.5f}f" for v in row) + "},\n")
        file.write("};\n")


def main():
    kind, rows, out = sys.argv[1:4]
    if kind == "templates":
        write_templates(out, learn_templates(rows))
    else:
        n_out = 1 if kind == "stems" else 2
        write_net(out, kind, n_out, learn_net(rows, n_out))


if __name__ == "__main__":
    main()
