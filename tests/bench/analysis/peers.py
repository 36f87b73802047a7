"""Runs one peer over sound files: peers.py PEER OUT_DIRECTORY FILE...

Writes OUT_DIRECTORY/<n>.json for file n, in the form of corpus_truth.h, and prints one JSON line a
file: {"file": n, "seconds": wall seconds of the analysis alone}. Runs inside the benchmark's venv.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
QUALITIES = {"": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "6": "maj6", "m6": "min6",
             "dim": "dim", "dim7": "dim7", "aug": "aug", "m7b5": "hdim7", "maj9": "maj9", "m9": "min9"}


def harte(label):
    """Chordino's names to Harte's. The bass is left out: no metric here looks at it."""
    if label == "N":
        return "N"
    root, quality = re.fullmatch(r"([A-G][#b]?)([^/]*)(?:/.*)?", label).groups()
    return f"{root}:{QUALITIES[quality]}"


def chordino():
    import chord_extractor
    os.environ["VAMP_PATH"] = os.path.join(os.path.dirname(chord_extractor.__file__), "_lib")
    import librosa
    import vamp
    parameters = {"useNNLS": 1, "rollon": 1, "tuningmode": 0, "whitening": 1, "s": 0.7, "boostn": 0.1}

    def analyse(path):
        samples, rate = librosa.load(path, sr=44100, mono=True)
        rows = vamp.collect(samples, rate, "nnls-chroma:chordino", parameters=parameters)["list"]
        ends = [float(row["timestamp"]) for row in rows[1:]] + [len(samples) / rate]
        return {"chords": [{"start": float(row["timestamp"]), "end": end, "label": harte(row["label"])}
                           for row, end in zip(rows, ends)]}
    return analyse


def numbered(times):
    return [{"time": float(t), "beatNum": 0} for t in times]


def librosa_peer():
    import librosa

    def analyse(path):
        samples, rate = librosa.load(path, sr=22050)
        tempo, beats = librosa.beat.beat_track(y=samples, sr=rate, units="time")
        return {"bpm": float(tempo[0] if hasattr(tempo, "__len__") else tempo), "beats": numbered(beats)}
    return analyse


def essentia_beats():
    import essentia
    essentia.log.warningActive = False
    essentia.log.infoActive = False
    from essentia.standard import MonoLoader, RhythmExtractor2013

    def analyse(path):
        bpm, beats, *_ = RhythmExtractor2013(method="multifeature")(MonoLoader(filename=path)())
        return {"bpm": float(bpm), "beats": numbered(beats)}
    return analyse


def essentia_key(profile):
    def setup():
        import essentia
        essentia.log.warningActive = False
        essentia.log.infoActive = False
        from essentia.standard import KeyExtractor, MonoLoader

        def analyse(path):
            key, scale, _ = KeyExtractor(profileType=profile)(MonoLoader(filename=path)())
            return {"key": f"{FLATS.get(key, key)} {scale.capitalize()}"}
        return analyse
    return setup


def aubio():
    import numpy

    def analyse(path):
        text = subprocess.run(["aubiotrack", "-i", path], capture_output=True, text=True, check=True).stdout
        beats = [float(line.split()[0]) for line in text.splitlines() if line.strip()]
        bpm = 60.0 / float(numpy.median(numpy.diff(beats))) if len(beats) > 1 else 0.0
        return {"bpm": bpm, "beats": numbered(beats)}
    return analyse


def revive_msaf():
    """msaf 0.1.80 of 2019 asks numpy, scipy and inspect for names that have since moved."""
    import inspect
    import numpy
    import scipy.signal
    for old, new in {"float_": "float64", "NaN": "nan", "Inf": "inf", "int": "int64", "float": "float64"}.items():
        if not hasattr(numpy, old):
            setattr(numpy, old, getattr(numpy, new))
    for name in ("inf", "sign", "dot", "zeros", "ones", "where", "argmax", "log", "exp", "sqrt", "nan", "array"):
        if not hasattr(scipy, name):
            setattr(scipy, name, getattr(numpy, name))
    if not hasattr(scipy.signal, "gaussian"):
        scipy.signal.gaussian = scipy.signal.windows.gaussian
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = inspect.getfullargspec


def msaf_peer(boundaries):
    def setup():
        revive_msaf()
        import msaf

        def analyse(path):
            # Features left by another file of the same name would be taken for this one's.
            with tempfile.TemporaryDirectory() as scratch:
                msaf.config.features_tmp_file = os.path.join(scratch, "features.json")
                times, _ = msaf.process(path, boundaries_id=boundaries, feature="pcp")
            return {"sections": [{"start": float(a), "end": float(b), "label": ""}
                                 for a, b in zip(times, times[1:])]}
        return analyse
    return setup


PEERS = {"chordino": chordino, "librosa": librosa_peer, "essentia": essentia_beats, "aubio": aubio}
PEERS |= {f"essentia-key-{p}": essentia_key(p)
          for p in ("bgate", "edma", "temperley", "krumhansl", "shaath", "diatonic")}
PEERS |= {f"msaf-{b}": msaf_peer(b) for b in ("sf", "foote", "cnmf", "scluster", "olda")}


def main():
    peer, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    analyse = PEERS[peer]()
    os.makedirs(out, exist_ok=True)
    analyse(files[0])  # compilers and caches warm up before the clock runs
    for n, path in enumerate(files):
        start = time.monotonic()
        estimate = analyse(path)
        seconds = time.monotonic() - start
        with open(os.path.join(out, f"{n}.json"), "w") as file:
            json.dump(estimate, file)
        print(json.dumps({"file": n, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
