"""Learns the tables of analysis_templates.h, analysis_stems_net.h and analysis_drums_net.h.

    corpus_make --half=tune --count=48 --mixes=clean,reverb --stems --out=DIR
    extra_stems.py EXTRA
    SOURCES=$(ls DIR/*/*.vocals.wav | sed s/.vocals.wav//; ls -d EXTRA/train-* | sed s:$:/clean:)
    corpus_learn bands 0 DIR/*/clean > bands.bin         train_masks.py templates bands.bin analysis_templates_table.c
    corpus_learn stems 240 $SOURCES > stems.bin          train_masks.py stems stems.bin analysis_stems_net.c
    corpus_learn drums 240 $SOURCES > drums.bin          train_masks.py drums drums.bin analysis_drums_net.c

Needs numpy and torch (PyPI, CPU). Templates: non-negative factorisation of each stem's band spectra. Networks, see
analysis_split.h: both are trained together, Adam, fixed seed; one excerpt in ten is held out. The error is that of the
separated signal against the wanted signal's own power in the second around, so that quiet stems count as loud ones do.
"""
import sys

import numpy as np

N_BANDS, N_FEATURES, N_FRAME, N_TARGETS, N_BINS, N_CONTEXT = 40, 20, 120, 2, 96, 8
TAPS = (-16, -12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12, 16)
TEMPLATES = [(1, 4), (2, 4), (3, 3), (4, 2), (5, 4), (0, 3)]  # stem, how many; order of analysis_templates.h
CODE, CONTEXT_HIDDEN, HIDDEN = 32, (64, 48), (40, 24)
FLOOR = {1: 0.3, 2: 0.12}  # of the mix, that errors are measured against at least
LENGTHS = {"stems": 4096, "drums": 2048}
EPOCHS = {"stems": 14, "drums": 8}
RATE_HZ = 44100


# ---- templates ----

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


def write_templates(path, templates):
    with open(path, "w") as file:
        file.write("/* Learned on the tuning half by tests/corpus/train_masks.py. */\n#include \"analysis_templates.h\"\n\n")
        file.write("const float analysis_templates[ANALYSIS_N_TEMPLATES][ANALYSIS_N_BANDS] = {\n")
        for row in templates:
            file.write("    {" + ", ".join(f"{v:.5f}f" for v in row) + "},\n")
        file.write("};\n")


# ---- networks ----

class Records:
    """Rows of corpus_learn, whose layout is `record` there."""

    def __init__(self, path, n_out):
        sizes = (1 + N_TARGETS + 1, len(TAPS) * N_FRAME, N_BANDS, N_TARGETS * N_BANDS, N_BINS * (N_FEATURES + 2 + N_TARGETS))
        self.rows, self.n_out = np.memmap(path, np.float32, "r").reshape(-1, sum(sizes)), n_out
        self.ends = np.cumsum(sizes)

    def batch(self, pick):
        import torch
        power, frames, band_power, band_share, bins = np.split(np.asarray(self.rows[np.sort(pick)]), self.ends[:-1], axis=1)
        n = len(power)
        bins = bins.reshape(n, N_BINS, -1)
        wanted = np.concatenate([power[:, 1:1 + self.n_out], power[:, -1:]], 1)[:, :self.n_out + (self.n_out > 1)]
        return [torch.from_numpy(np.ascontiguousarray(x)) for x in
                (power[:, :1], wanted, frames.reshape(n, len(TAPS), N_FRAME), band_power,
                 band_share.reshape(n, N_TARGETS, N_BANDS)[:, :self.n_out], bins[..., :N_FEATURES], bins[..., N_FEATURES],
                 bins[..., N_FEATURES + 1:N_FEATURES + 1 + self.n_out], bins[..., -1])]


def make_nets(records, n_out):
    import torch
    sample = records.batch(np.arange(0, len(records.rows), 7))
    mean_and_scale = lambda x: (x.mean(0), 1 / (x.std(0) + 1e-2))
    frame, feature = mean_and_scale(sample[2][:, len(TAPS) // 2]), mean_and_scale(sample[5].reshape(-1, N_FEATURES))

    class Nets(torch.nn.Module):
        def __init__(self):
            super().__init__()
            linear = torch.nn.Linear
            self.frame, self.feature, self.n_out = frame, feature, n_out
            self.code = linear(N_FRAME, CODE)
            self.context = torch.nn.Sequential(linear(len(TAPS) * CODE, CONTEXT_HIDDEN[0]), torch.nn.ReLU(),
                                               linear(CONTEXT_HIDDEN[0], CONTEXT_HIDDEN[1]), torch.nn.ReLU(),
                                               linear(CONTEXT_HIDDEN[1], n_out * N_BANDS + N_CONTEXT))
            self.bins = torch.nn.Sequential(linear(N_FEATURES + n_out + N_CONTEXT, HIDDEN[0]), torch.nn.ReLU(),
                                            linear(HIDDEN[0], HIDDEN[1]), torch.nn.ReLU(), linear(HIDDEN[1], n_out))

        def forward(self, frames, features, position):
            codes = torch.relu(self.code((frames - self.frame[0]) * self.frame[1]))
            if self.training:
                codes = torch.nn.functional.dropout(codes, 0.1)
            found = self.context(codes.flatten(1))
            shares = found[:, :n_out * N_BANDS].reshape(-1, n_out, N_BANDS)
            low = position.long().clamp(max=N_BANDS - 2)
            part, at = position - low, low[:, None].expand(-1, n_out, -1)
            prior = (1 - part)[:, None] * shares.gather(2, at) + part[:, None] * shares.gather(2, at + 1)
            context = found[:, None, n_out * N_BANDS:].expand(-1, position.shape[1], -1)
            x = torch.cat([(features - self.feature[0]) * self.feature[1], prior.transpose(1, 2), context], 2)
            return self.bins(x), shares

    return Nets()


def losses(nets, batch):
    """Cross entropy, whose optimum is that of the squared error, but which learns rare stems, too; and the squared error."""
    import torch
    power, wanted, frames, band_power, band_share, features, position, share, weight = batch
    masks, bands = nets(frames, features, position)
    level = (wanted[:, :nets.n_out] + FLOOR[nets.n_out] * power + 1e-9)[:, None]
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    bin_weight, band_weight = weight[..., None] / level, (band_power[..., None] / level).transpose(1, 2)
    bin_loss = entropy(masks, share, (bin_weight * N_BINS) ** 0.8, reduction="none").mean()
    band_loss = entropy(bands, band_share, (band_weight * N_BANDS) ** 0.8, reduction="none").mean()
    error = (bin_weight * (torch.sigmoid(masks) - share) ** 2).sum(1)
    return bin_loss, band_loss, error.mean() / (bin_weight * share ** 2).sum(1).mean()


def held_out(nets, records, held):
    import torch
    nets.eval()
    parts = max(1, len(held) // 512)  # each with something of every excerpt
    with torch.no_grad():
        found = [losses(nets, records.batch(held[i::parts])) for i in range(parts)]
    nets.train()
    return [float(sum(x) / len(found)) for x in zip(*found)]


def learn(path, n_out, epochs, batch=128):
    import torch
    torch.manual_seed(2)
    torch.set_num_threads(1)
    rng, records = np.random.default_rng(2), Records(path, n_out)
    tenth = np.arange(len(records.rows)) * 10 // len(records.rows)
    train, held = np.flatnonzero(tenth < 9), np.flatnonzero(tenth == 9)
    nets = make_nets(records, n_out)
    adam = torch.optim.AdamW(nets.parameters(), 2e-3, weight_decay=1e-3)
    steps = epochs * (len(train) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 3e-3, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        order = rng.permutation(train)
        for start in range(0, len(order) - batch + 1, batch):
            bin_loss, band_loss, _ = losses(nets, records.batch(order[start:start + batch]))
            adam.zero_grad()
            (bin_loss + 0.3 * band_loss).backward()
            torch.nn.utils.clip_grad_norm_(nets.parameters(), 1.0)
            adam.step()
            schedule.step()
        print(f"epoch {epoch}: {bin_loss.item():.4f}, held out {held_out(nets, records, held)}", flush=True)
    return nets


def c_array(name, values):
    numbers = [f"{v:.4g}" for v in np.asarray(values, float).ravel()]
    numbers = [n + ("f" if "." in n or "e" in n else ".0f") for n in numbers]
    lines = [", ".join(numbers[i:i + 10]) for i in range(0, len(numbers), 10)]
    return f"static const float {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "};\n"


def layers_of(prefix, linears, first):
    """Weights input by input, as the C code reads them."""
    return {f"{prefix}{kind}{first + i}": values.detach().numpy() for i, layer in enumerate(linears)
            for kind, values in (("w", layer.weight.T), ("b", layer.bias))}


def write_nets(path, name, n_out, nets):
    context = {"context_mean": nets.frame[0], "context_scale": nets.frame[1],
               **layers_of("context_", [nets.code, *nets.context[::2]], 0)}
    bins = {"mean": np.append(nets.feature[0], np.zeros(n_out + N_CONTEXT)),
            "scale": np.append(nets.feature[1], np.ones(n_out + N_CONTEXT)), **layers_of("", nets.bins[::2], 1)}
    fields = lambda parts: ", ".join(f".{part.removeprefix('context_')} = {part}" for part in parts)
    with open(path, "w") as file:
        file.write(f"/* Learned on the tuning half by tests/corpus/train_masks.py. */\n#include \"analysis_{name}_net.h\"\n\n")
        for part, values in {**context, **bins}.items():
            file.write(c_array(part, values) + "\n")
        file.write(f"static const int taps[{len(TAPS)}] = {{{', '.join(map(str, TAPS))}}};\n\n")
        file.write(f"const analysis_context_net analysis_{name}_context = {{.n_in = {N_FRAME}, .n_code = {CODE}, "
                   f".n_taps = {len(TAPS)}, .n_out = {n_out * N_BANDS + N_CONTEXT}, .n_hidden1 = {CONTEXT_HIDDEN[0]}, "
                   f".n_hidden2 = {CONTEXT_HIDDEN[1]}, .taps = taps, .step_s = {LENGTHS[name] // 4}.0 / {RATE_HZ}, {fields(context)}}};\n\n")
        file.write(f"const analysis_net analysis_{name}_net = {{.n_in = {N_FEATURES + n_out + N_CONTEXT}, .n_hidden1 = {HIDDEN[0]}, "
                   f".n_hidden2 = {HIDDEN[1]}, .n_out = {n_out}, {fields(bins)}}};\n")


def main():
    kind, rows, out = sys.argv[1:4]
    if kind == "templates":
        write_templates(out, learn_templates(rows))
    else:
        n_out = 1 if kind == "stems" else 2
        write_nets(out, kind, n_out, learn(rows, n_out, EPOCHS[kind]))


if __name__ == "__main__":
    main()
