"""A platform of a test's own, and the checks that are run on it."""
import pathlib
import shutil
import sys
import tempfile
import wave

import pattern

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "servers"))
import rf_platform  # noqa: E402
from rf_platform import BIN, READY_S, SKIPPED, run_checks, wait_until  # noqa: E402,F401


class Platform(rf_platform.Platform):
    """A platform with a recorder, and file sources below `files`."""

    def __init__(self, *settings, environment=None):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="rf-files-"))
        super().__init__(f"recorder.file_root={self.files}", *settings, environment=environment,
                         only="gateway,job,recorder")

    def close(self):
        super().close()
        shutil.rmtree(self.files, ignore_errors=True)

    def run(self, checks):
        """run_checks on it; its log when one has failed."""
        code = run_checks(checks, self)
        if code != 0:
            self.tell_log()
        return code

    def make_wav(self, name, seconds, rate=16000, channels=1):
        """A 16-bit file of the pattern below the folder of file sources; its frames."""
        data = pattern.pcm("int16", channels, 0, int(seconds * rate))
        with wave.open(str(self.files / name), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            file.writeframes(data)
        return data


def raises(kind, call, **expected):
    """That a call raises this; attributes of the error as expected."""
    try:
        call()
    except kind as error:
        for name, wanted in expected.items():
            assert getattr(error, name) == wanted, f"{name}: {getattr(error, name)!r}, not {wanted!r}"
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


async def raises_in(kind, awaitable, **expected):
    """As raises, for what is awaited."""
    try:
        await awaitable
    except kind as error:
        for name, wanted in expected.items():
            assert getattr(error, name) == wanted, f"{name}: {getattr(error, name)!r}, not {wanted!r}"
        return error
    raise AssertionError(f"no {kind.__name__} was raised")
