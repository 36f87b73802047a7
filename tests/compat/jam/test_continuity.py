"""A4 of jam.md over the wire: chunks of a session that is steered at random join to the one-shot render
of the same seed and control log, bit for bit, for overlaps of 0, 1,200, 1,920 and 4,800 samples.

1,000 chunks and 100 updates for each overlap; with REFLECTION_LONG=1, 10,000 chunks and 1,000 updates.
JAM_SEED repeats a run's choices."""
import asyncio
import json
import os
import random
import sys
import uuid

import websockets

import judge
import rig

CHUNKS = 10_000 if rig.LONG else 1_000
UPDATES = CHUNKS // 10
RENDER_MAX_S = 600
STYLES = ["warmup", "jazz", "hiphop", "heavy metal", "acid house", "techno"]
SCALES = ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian", "auto"]
KEYS = ["C", "C#", "Db", "D", "Eb", "E", "F#", "G", "Ab", "A", "Bb", "B", "auto"]


def random_stems(rng):
    stems = {}
    for name in rng.sample(["drums", "bass", "chords", "lead"], rng.randint(1, 4)):
        stems[name] = {"gain_db": round(rng.uniform(-20, 6), 1), "mute": rng.random() < 0.2,
                       "solo": rng.random() < 0.05}
    return stems


def random_fields(rng):
    """One to three controls with values inside their ranges."""
    makers = {
        "styles": lambda: ", ".join(rng.sample(STYLES, rng.randint(1, 3))),
        "temperature": lambda: round(rng.uniform(0, 3), 3),
        "topk": lambda: rng.randint(1, 1024),
        "guidance_weight": lambda: round(rng.uniform(0, 8), 3),
        "bpm": lambda: round(rng.uniform(60, 200), 2),
        "key": lambda: rng.choice(KEYS),
        "scale": lambda: rng.choice(SCALES),
        "density": lambda: round(rng.random(), 3),
        "brightness": lambda: round(rng.random(), 3),
        "stems": lambda: random_stems(rng),
        "section": lambda: rng.choice(["intro", "verse", "fill", "break", "drop"]),
    }
    fields = {name: makers[name]() for name in rng.sample(sorted(makers), rng.randint(1, 3))}
    if rng.random() < 0.3:
        fields["ramp_ms"] = rng.randint(0, 5000)
    if "styles" in fields and rng.random() < 0.3:
        fields["style_ramp_seconds"] = round(rng.uniform(0, 10), 2)
    return fields


class Session:
    """One steered session: its take, and its control log as the statuses tell it."""

    def __init__(self, platform, rng, overlap):
        self.platform = platform
        self.rng = rng
        self.overlap = overlap
        self.frames = max(1, -(-overlap // 1920))
        self.params = {"styles": "jazz", "pace": "asap", "crossfade_seconds": overlap / judge.RATE,
                       "max_decode_frames": self.frames, "seed": rng.randrange(2**31)}
        self.take = judge.Take(overlap)
        self.sent = {}
        self.log = []
        self.too_late = 0
        self.stopped = None

    async def update(self, socket):
        fields = random_fields(self.rng)
        message = {"type": "update", "id": f"u{len(self.sent)}", **fields}
        self.sent[message["id"]] = fields
        if self.rng.random() < 0.2:
            # The kernel's buffers hold some seconds that the service has rendered already.
            message["at_sample"] = self.take.end + self.rng.randint(480_000, 1_920_000)
        elif self.rng.random() < 0.3:  # never changes the stream, only how it is cut
            message["max_decode_frames"] = self.frames + self.rng.randint(0, 1)
        await socket.send(json.dumps(message))

    def on_text(self, message):
        """Whether the session goes on."""
        if message["type"] == "error" and message["code"] == "TOO_LATE" and message["id"] in self.sent:
            self.too_late += 1  # applied not at all: it is in no log
            return True
        assert message["type"] != "error", message
        if message["type"] == "status" and message.get("id") in self.sent \
                and "applied_at_sample" in message:
            self.log.append({"at_sample": message["applied_at_sample"], **self.sent[message["id"]]})
        if message["type"] == "stopped":
            self.stopped = message
        return self.stopped is None

    def on_meta(self, meta, samples):
        assert meta["samples"] == len(samples), meta
        self.take.add(judge.Chunk(meta["index"], meta["start_sample"], samples))

    async def play(self):
        headers = {"Authorization": f"Bearer {self.platform.key}"}
        async with websockets.connect(self.platform.ws, additional_headers=headers) as socket:
            await socket.send(json.dumps({"type": "start", "binary_audio": True, "params": self.params}))
            samples = None
            async for data in socket:
                if isinstance(data, bytes):
                    samples = judge.wav_f32(data)
                    continue
                message = json.loads(data)
                if message["type"] != "chunk_meta":
                    if not self.on_text(message):
                        break
                    continue
                self.on_meta(message["metadata"], samples)
                n = len(self.take.chunks)
                if len(self.sent) < UPDATES and self.rng.random() < 1.2 * UPDATES / CHUNKS:
                    await self.update(socket)
                if n == CHUNKS:
                    await socket.send('{"type":"stop"}')
            await socket.wait_closed()
        assert socket.close_code == 1000, socket.close_code

    def check(self):
        assert self.stopped is not None and self.stopped["reason"] == "client", self.stopped
        assert self.stopped["chunks_sent"] == len(self.take.chunks), (self.stopped, len(self.take.chunks))
        assert self.take.overlap == self.overlap and self.take.holes() == []
        assert self.take.broken_copies() == []
        assert len(self.log) >= UPDATES // 2, f"only {len(self.log)} updates were applied"
        seconds = min(self.take.end / judge.RATE, RENDER_MAX_S)
        log = sorted((c for c in self.log if c["at_sample"] < seconds * judge.RATE),
                     key=lambda c: c["at_sample"])
        reference = judge.wav_f32(self.platform.render(self.params, seconds, log))
        assert len(reference) == round(seconds * judge.RATE)
        same, wrong = judge.same_bits(self.take, reference)
        last = [c for c in log if wrong is not None and c["at_sample"] <= wrong][-1:]
        assert wrong is None, f"other than the render from sample {wrong} on; last change {last}"
        return f"{len(self.take.chunks)} chunks, {len(self.log)} updates, {same / judge.RATE:.1f} s equal"


def overlap_of(samples):
    def check(platform, seed):
        session = Session(platform, random.Random(f"{seed} {samples}"), samples)
        asyncio.run(session.play())
        return session.check()
    check.__name__ = f"overlap_of_{samples}_samples"
    return check


def a_step_in_chords_alone_is_a_click(platform, seed):
    """Section 10: the click test flags a step of 0.01 in a stream of chords, wherever it can be told
    from the start of a note (what is around it stays below half of it)."""
    mute = {name: {"mute": True} for name in ("drums", "bass", "lead")}
    chords = judge.wav_f32(platform.render({"styles": "warmup", "seed": 1, "stems": mute}, 60))
    assert judge.loudness(chords) > -50, "the chords are silent"
    rng = random.Random(seed)
    tried, missed = 0, []
    for _ in range(20_000):
        if tried == 200:
            break
        at = rng.randrange(judge.RATE, len(chords) - judge.RATE)
        around = chords[at - 5000:at + 5000]
        if judge.second_difference(around).max() > judge.STEP / 4:
            continue
        tried += 1
        moved = around.copy()
        moved[5000:] += judge.STEP
        if not judge.is_click(judge.second_difference(moved), 5000):
            missed.append(at)
    assert tried >= 50, f"only {tried} places are calm enough"
    assert not missed, f"{len(missed)} of {tried} steps were not flagged, at {missed[:5]}"
    return f"{tried} steps flagged"


def main():
    seed = int(os.environ.get("JAM_SEED", uuid.uuid4().int % 1_000_000))
    print(f"seed {seed}", flush=True)
    with rig.Platform() as platform:
        checks = [overlap_of(v) for v in (0, 1200, 1920, 4800)]
        sys.exit(rig.run_checks([*checks, a_step_in_chords_alone_is_a_click], platform, seed))


if __name__ == "__main__":
    main()
