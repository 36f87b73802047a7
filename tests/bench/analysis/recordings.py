"""Real recordings with a known tempo: songs that Debian ships with the tempo map of a rhythm game (packages
fretsonfire-songs-*, metal with distorted guitars). Only the tempo is used: the maps' phase is not exact."""
import json
import pathlib
import re
import subprocess

PACKAGES = ("fretsonfire-songs-muldjord", "fretsonfire-songs-sectoid")


def fetch(folder):
    """Unpacks the songs' packages without installing the game."""
    for package in PACKAGES:
        if not (folder / package).exists():
            subprocess.run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)
            archive = next(folder.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg", "-x", archive, folder / package], check=True)
            archive.unlink()


def tempo_of(midi):
    """Beats per minute of a MIDI file whose tempo events (FF 51 03, microseconds a beat) all agree, else None."""
    found = {int.from_bytes(us, "big") for us in re.findall(rb"\xff\x51\x03(...)", midi.read_bytes(), re.DOTALL)}
    return 60e6 / found.pop() if len(found) == 1 else None


def mix(song, path):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", song / "song.ogg", "-i", song / "guitar.ogg", "-filter_complex",
                    "amix=inputs=2:normalize=0,alimiter=limit=0.98", "-ar", "44100", path], check=True)


def prepare(bench):
    """The mixes, each beside its truth.json."""
    folder = bench / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    fetch(folder)
    files = []
    for midi in sorted(folder.glob("*/usr/share/games/fretsonfire/data/songs/*/*/notes.mid")):
        bpm = tempo_of(midi)
        out = folder / "mixes" / midi.parent.name.replace(" ", "-").lower()
        if bpm is None:
            continue
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "mix.wav").exists():
            mix(midi.parent, pathlib.Path(out / "mix.wav"))
        (out / "truth.json").write_text(json.dumps({"name": out.name, "bpm": bpm}))
        files.append(out / "mix.wav")
    return files
