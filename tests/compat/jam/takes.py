"""What the clients received, as takes for the judge: of a page what observe.js told, of the Python
client what it decoded. Samples lie in files, so that an hour of them needs no memory."""
import json
import pathlib

import numpy as np

import judge

CUSHION_S = 1e-6  # two times of one plan differ by less


class Received:
    """A client's take, the messages beside its chunks, and a record of each chunk."""

    def __init__(self, name, take, records, messages, closed=None):
        self.name = name
        self.take = take
        self.records = records  # metadata, at_s: when it came; of pages also start_s, expected_s, ...
        self.messages = messages  # (at_s, message)
        self.closed = closed

    def first(self, kind):
        return next(m for _, m in self.messages if m["type"] == kind)

    def updates(self, sent):
        """The control log: the sent updates at the samples from which they held."""
        applied = [m["applied_at_sample"] for _, m in self.messages
                   if m["type"] == "status" and m.get("updated") and "applied_at_sample" in m]
        return [{**{k: v for k, v in update.items() if k != "type"}, "at_sample": sample}
                for update, sample in zip(sent, applied)]


class PageReceived(Received):
    """From NAME.jsonl and NAME.f32 of pages.mjs."""

    def __init__(self, folder, name):
        folder = pathlib.Path(folder)
        seen = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        chunks = sorted((r for r in seen if r["kind"] == "chunk"), key=lambda r: r["index"])
        samples = np.memmap(folder / f"{name}.f32", np.float32, "r") if chunks else None
        overlap = round(chunks[0]["crossfade_seconds"] * judge.RATE) if chunks else 0
        take = judge.Take(overlap)
        for r in chunks:
            r["at_s"] = r["at_ms"] / 1000
            planar = samples[r["offset"] // 4:r["offset"] // 4 + r["length"] * r["channels"]]
            gains = [(call, [value, at_s - r["start_s"], *more])
                     for call, (value, at_s, *more) in r["gains"]]
            take.add(judge.Chunk(r["index"], r["start_sample"],
                                 planar.reshape(r["channels"], r["length"]).T, judge.automation(gains)))
        messages = [(r["at_ms"] / 1000, r["message"]) for r in seen if r["kind"] == "message"]
        closed = next((r["code"] for r in seen if r["kind"] == "close"), None)
        super().__init__(name, take, chunks, messages, closed)
        self.sent = [r["message"] for r in seen if r["kind"] == "sent"]

    def cushions(self):
        """Chunks that the page put elsewhere than at the end of the one before: its start, and every
        time that it ran dry."""
        return [r["index"] for r in self.records
                if r["expected_s"] is None or abs(r["start_s"] - r["expected_s"]) > CUSHION_S]

    def least_cushion_s(self):
        """How much was left to play at the worst moment; the pages begin anew below 50 ms."""
        return min(r["start_s"] - r["now_s"] for r in self.records)

    def plan_spread_s(self):
        """How far scheduled start minus start_sample / 48,000 moves over the run."""
        plan = [r["start_s"] - r["start_sample"] / judge.RATE for r in self.records]
        return max(plan) - min(plan)


class ClientReceived(Received):
    """Grows while the Python client runs: on_message is what it calls."""

    def __init__(self, folder, name, clock):
        super().__init__(name, None, [], [])
        self.path = pathlib.Path(folder) / f"{name}.f32"
        self.file = open(self.path, "wb")
        self.clock = clock
        self.faults = []

    def on_message(self, message, wav, samples, rate):
        at_s = self.clock()
        if message["type"] != "chunk":
            self.messages.append((at_s, message))
            return
        if rate != judge.RATE or samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[1] != 2:
            self.faults.append(f"chunk {message['metadata']['index']}: {samples.dtype} {samples.shape} {rate}")
        if judge.wav_f32(wav).tobytes() != samples.tobytes():
            self.faults.append(f"chunk {message['metadata']['index']}: soundfile reads other samples")
        self.records.append({**message["metadata"], "at_s": at_s, "offset": self.file.tell(),
                             "length": len(samples)})
        self.file.write(samples.tobytes())

    def done(self):
        self.file.close()
        samples = np.memmap(self.path, np.float32, "r").reshape(-1, 2)
        self.take = judge.Take(round(self.records[0]["crossfade_seconds"] * judge.RATE))
        for r in self.records:
            at = r["offset"] // 8
            self.take.add(judge.Chunk(r["index"], r["start_sample"], samples[at:at + r["length"]]))
        return self
