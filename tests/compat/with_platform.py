"""Starts a platform of its own, runs a command with its address in the environment, ends both.

    python3 with_platform.py [--demo] [NAME=VALUE]... -- COMMAND...

REFLECTION_BIN is the folder of the programs. The command sees REFLECTION_URL, REFLECTION_HTTP_URL,
REFLECTION_API_KEY, REFLECTION_CA_FILE, REFLECTION_READY, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE and
WORK (a scratch folder). With --demo, WORK/song.wav and WORK/demo.ogg are the demo song and its
first seconds, and https://music.ai/demo.ogg resolves to the latter.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
import rf_platform  # noqa: E402


def arguments():
    words = sys.argv[1:]
    split = words.index("--")
    return words[:split], words[split + 1:]


def make_demo(work):
    subprocess.run([rf_platform.BIN / "reflection", "demo", "--no-analysis", "--out", work / "song.wav"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["ffmpeg", "-v", "error", "-i", work / "song.wav", "-t", "12", "-c:a", "libvorbis",
                    work / "demo.ogg"], check=True)


def environment(platform, work):
    return dict(os.environ, **platform.client(), REFLECTION_HTTP_URL=platform.http,
                REFLECTION_READY=str(platform.ready_file), NODE_EXTRA_CA_CERTS=platform.ca_file,
                REQUESTS_CA_BUNDLE=platform.ca_file, WORK=str(work))


def main():
    settings, command = arguments()
    with tempfile.TemporaryDirectory(prefix="rf") as directory:
        work = pathlib.Path(directory)
        if "--demo" in settings:
            settings.remove("--demo")
            make_demo(work)
            settings.append(f"fetch.override=https://music.ai/demo.ogg={work}/demo.ogg")
        with rf_platform.Platform(*settings) as platform:
            code = subprocess.call(command, env=environment(platform, work))
            if code != 0:
                platform.tell_log()
        sys.exit(code)


if __name__ == "__main__":
    main()
