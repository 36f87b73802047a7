"""Starts a platform of its own, runs a command with its address in the environment, ends both.

    python3 with_platform.py [--set NAME=VALUE]... [--demo] -- COMMAND...

REFLECTION_BIN is the folder of the programs. The command sees REFLECTION_URL, REFLECTION_HTTP_URL,
REFLECTION_API_KEY, REFLECTION_CA_FILE, REFLECTION_READY, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE and
WORK (a scratch folder). With --demo, WORK/song.wav and WORK/demo.ogg are the demo song and its
first seconds, and https://music.ai/demo.ogg resolves to the latter.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

READY_SECONDS = 60


def arguments():
    words = sys.argv[1:]
    split = words.index("--")
    return words[:split], words[split + 1:]


def make_demo(binary, work):
    subprocess.run([binary, "demo", "--no-analysis", "--out", work / "song.wav"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["ffmpeg", "-v", "error", "-i", work / "song.wav", "-t", "12", "-c:a", "libvorbis",
                    work / "demo.ogg"], check=True)


def wait_ready(process, ready):
    end = time.monotonic() + READY_SECONDS
    while not ready.exists():
        if process.poll() is not None:
            sys.exit(f"the platform ended with {process.returncode} before it was ready")
        if time.monotonic() > end:
            sys.exit(f"the platform was not ready after {READY_SECONDS} s")
        time.sleep(0.02)
    return json.loads(ready.read_text())


def environment(ready, path, work):
    return dict(os.environ, REFLECTION_URL=ready["https_url"], REFLECTION_HTTP_URL=ready["http_url"],
                REFLECTION_API_KEY=ready["api_key"], REFLECTION_CA_FILE=ready["ca_file"],
                REFLECTION_READY=str(path), NODE_EXTRA_CA_CERTS=ready["ca_file"],
                REQUESTS_CA_BUNDLE=ready["ca_file"], WORK=str(work))


def main():
    options, command = arguments()
    binary = pathlib.Path(os.environ["REFLECTION_BIN"]) / "reflection"
    with tempfile.TemporaryDirectory(prefix="rf") as directory:
        work = pathlib.Path(directory)
        words = [binary, "up", "--data", work / "data", "--http", "127.0.0.1:0",
                 "--https", "127.0.0.1:0", "--ready-file", work / "ready.json"]
        if "--demo" in options:
            options.remove("--demo")
            make_demo(binary, work)
            words += ["--set", f"fetch.override=https://music.ai/demo.ogg={work}/demo.ogg"]
        with open(work / "log", "wb") as log:
            process = subprocess.Popen(words + options, stdout=log, stderr=log)
        try:
            ready = wait_ready(process, work / "ready.json")
            code = subprocess.call(command, env=environment(ready, work / "ready.json", work))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
            if sys.exc_info()[0] is not None or code != 0:
                print((work / "log").read_text(errors="replace")[-8000:], file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
