"""The wheels: built by scripts/wheels, installed and removed in any order, and at last installed for the other tests.

    test_package.py PYTHON            of an environment with hatchling and mypy
    test_package.py PYTHON --types    what is installed is typed

RECORDER_PYTHON is the environment to be made, BUILD the build directory.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

import rig

SOURCE = pathlib.Path(os.environ["REFLECTION_SOURCE"])
BUILD = pathlib.Path(os.environ["BUILD"])
TARGET = pathlib.Path(os.environ["RECORDER_PYTHON"])
TOOLS = pathlib.Path(sys.argv[1])
QUIET = ["-q", "--disable-pip-version-check", "--no-input"]


def run(*words, code=0, **environment):
    """Its output; the exit code must be the one expected."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/",
                          env={**kept, **environment})
    assert done.returncode == code, f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}"
    return done.stdout


def pip(*words):
    return run(TOOLS, "-m", "pip", "--python", TARGET / "bin/python", words[0], *QUIET, *words[1:])


def python(text, code=0):
    return run(TARGET / "bin/python", "-c", text, code=code)


def files_of(site):
    return [path for path in (site / "reflection").rglob("*") if path.is_file()]


def build_wheels():
    out = BUILD / "wheels"
    paths = run(SOURCE / "scripts/wheels", "--build", BUILD, "--out", out, "--python", TOOLS).split()
    core, recorder = (next(pathlib.Path(p) for p in paths if f"reflection_{name}" in p) for name in ("core", "recorder"))
    assert core.name.endswith("-py3-none-any.whl") and "-py3-none-manylinux_" in recorder.name
    return core, recorder


def everything_is_there(core, recorder):
    """Names of the package, looked up when they are used; the programs; nothing that has to be compiled."""
    pip("install", "--no-deps", "--no-compile", core, recorder)
    python("import reflection, sys; assert 'reflection.recorder' not in sys.modules and 'AudioRecorder' in dir(reflection);"
           "assert reflection.AudioRecorder is reflection.recorder.AudioRecorder; from reflection import pyaudio;"
           "assert pyaudio.paInt16 == 8; reflection.core.Connection")
    python("import reflection; reflection.nothing", code=1)
    shipped = next(TARGET.glob("lib/python3*/site-packages/reflection/recorder/platform"))
    assert "Usage" in run("env", f"LD_LIBRARY_PATH={shipped}/lib", shipped / "bin/reflection", "--help")


def core_alone_says_what_to_install(core, recorder):
    pip("uninstall", "-y", "reflection-recorder")
    text = python("from reflection import AudioRecorder", code=1)
    assert "pip install reflection-recorder" in text, text
    text = python("import reflection; reflection.recorder", code=1)
    assert "pip install reflection-recorder" in text, text
    python("from reflection.core import find_platform; import reflection.core")


def installed_and_removed_in_any_order(core, recorder):
    """Neither takes away what is the other's; nothing is left behind."""
    site = next(TARGET.glob("lib/python3*/site-packages"))
    pip("uninstall", "-y", "reflection-core")
    assert files_of(site) == []
    pip("install", "--no-deps", "--no-compile", recorder)
    pip("install", "--no-deps", core)
    python("from reflection import AudioRecorder")
    pip("uninstall", "-y", "reflection-core")
    left = files_of(site)
    assert site / "reflection/recorder/_recorder.py" in left
    assert all(path.is_relative_to(site / "reflection/recorder") for path in left), left
    pip("install", "--no-deps", core)
    python("from reflection import AudioRecorder")
    pip("check")


def typed():
    """mypy --strict finds nothing, in the packages and in a program that uses them."""
    with tempfile.TemporaryDirectory() as directory:
        user = pathlib.Path(directory) / "user.py"
        user.write_text("from reflection.recorder import AudioFormat, AudioRecorder, AudioSegment, PlatformStore\n"
                        "async def main() -> AudioSegment:\n"
                        "    async with AudioRecorder(PlatformStore()) as recorder:\n"
                        "        key: str = await recorder.start('a')\n"
                        "        async for chunk in recorder.stream(16000, AudioFormat.MP3):\n"
                        "            data: bytes = chunk\n"
                        "        return await recorder.stop()\n")
        text = run(TOOLS, "-m", "mypy", "--strict", "--cache-dir", f"{directory}/cache", "--python-executable",
                   TARGET / "bin/python", "-p", "reflection", "-m", "user", MYPYPATH=directory)
        assert "Success" in text, text


def main():
    if not TOOLS.exists() or (sys.argv[2:] and not (TARGET / ".stamp").exists()):
        print("SKIPPED: the Python packages are not installed (no PyPI)", file=sys.stderr)
        sys.exit(rig.SKIPPED)
    if sys.argv[2:] == ["--types"]:
        sys.exit(rig.run_checks([typed]))
    shutil.rmtree(TARGET, ignore_errors=True)
    wheels = build_wheels()
    venv.create(TARGET)
    try:
        pip("install", "--only-binary", ":all:", "httpx>=0.27,<0.29", "websockets>=14,<16")
    except AssertionError as error:
        print(f"SKIPPED: PyPI is not reached: {error}", file=sys.stderr)
        sys.exit(rig.SKIPPED)
    code = rig.run_checks([everything_is_there, core_alone_says_what_to_install, installed_and_removed_in_any_order],
                          *wheels)
    if code == 0:
        (TARGET / ".stamp").touch()
    sys.exit(code)


if __name__ == "__main__":
    main()
