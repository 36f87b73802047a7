"""Peaks as files against a reading of the rule of its own, and against the program audiowaveform
where there is one.

    test_peaks.py PEAKS_TOOL
"""
import array
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import wave


def toward_zero(value, divisor):
    return abs(value) // divisor * (1 if value >= 0 else -1)


def values_of(pcm, channels, spp, bits, each):
    frames = [pcm[i:i + channels] for i in range(0, len(pcm), channels)]
    if not each:
        frames = [[toward_zero(sum(frame), channels)] for frame in frames]
    result = []
    for i in range(0, len(frames), spp):
        for column in zip(*frames[i:i + spp]):
            result += [min(column), max(column)]
    return [toward_zero(v, 256) for v in result] if bits == 8 else result


def file_of(values, rate, channels, spp, bits, kind):
    length = len(values) // 2 // channels
    if kind == "dat":
        head = struct.pack("<iIiiIi", 2, 1 if bits == 8 else 0, rate, spp, length, channels)
        return head + struct.pack(f"<{len(values)}{'b' if bits == 8 else 'h'}", *values)
    fields = {"version": 2, "channels": channels, "sample_rate": rate, "samples_per_pixel": spp,
              "bits": bits, "length": length, "data": values}
    return (json.dumps(fields, separators=(",", ":")) + "\n").encode()


def by_audiowaveform(program, pcm, rate, channels, spp, bits, each, kind):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "in.wav", pathlib.Path(folder) / f"out.{kind}"
        with wave.open(str(source), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            file.writeframes(pcm.tobytes())
        subprocess.run([program, "-q", "-i", source, "-o", target, "-z", str(spp), "-b", str(bits)]
                       + (["--split-channels"] if each else []), check=True)
        return target.read_bytes()


def main(tool):
    chance = random.Random(20)
    program = shutil.which("audiowaveform")
    for round_ in range(60):
        channels = chance.randint(1, 8)
        rate = chance.choice([8000, 16000, 44100, 48000])
        spp = chance.choice([2, 3, 100, 256, 1024, 65536])
        bits = chance.choice([8, 16])
        each = chance.random() < 0.5
        kind = chance.choice(["dat", "json"])
        n_frames = chance.choice([0, 1, spp - 1, spp, spp + 1, 3000])
        pcm = array.array("h", [chance.choice([-32768, 32767, chance.randint(-32768, 32767)])
                                for _ in range(channels * min(n_frames, 70000))])
        got = subprocess.run([tool, str(rate), str(channels), str(spp), str(bits),
                              "each" if each else "mono", kind], input=pcm.tobytes(),
                             stdout=subprocess.PIPE, check=True).stdout
        out_channels = channels if each else 1
        values = values_of(pcm, channels, spp, bits, each)
        case = (round_, channels, rate, spp, bits, each, kind, n_frames)
        assert got == file_of(values, rate, out_channels, spp, bits, kind), case
        if program and pcm:
            wanted = by_audiowaveform(program, pcm, rate, channels, spp, bits, each, kind)
            assert got == wanted, ("audiowaveform", *case)
    print("60 files equal", "to audiowaveform too" if program else "(no audiowaveform here)")


if __name__ == "__main__":
    main(sys.argv[1])
