"""The platform that an interpreter starts for itself where none runs: gateway, jobs (which keep the keys) and recorder,
shipped in the wheel, over a private data directory, ended with the interpreter even if that is killed."""
from __future__ import annotations

import atexit
import fcntl
import os
import pathlib
import selectors
import shutil
import subprocess
import threading
import time
import typing

from reflection.core import Address, Unavailable, data_directory
from reflection.core.address import read_ready

_SHIPPED = pathlib.Path(__file__).parent / "platform"
_READY_SECONDS = 60.0
_STOP_SECONDS = 35.0
_DIRECTORIES_MAX = 64
_LOG_MAX_BYTES = 4 << 20

_lock = threading.Lock()
_running: _Platform | None = None


def private_platform() -> Address:
    """The address of this interpreter's private platform; it is started when it does not run. Blocks until it is
    ready: for a thread. Raises Unavailable when it cannot be started."""
    global _running
    with _lock:
        if _running is None or not _running.alive():
            _running = _Platform(_program())
        return _running.address


def _program() -> pathlib.Path:
    folder = os.environ.get("REFLECTION_BIN")
    shipped = pathlib.Path(folder) if folder else _SHIPPED / "bin"
    found = shutil.which("reflection", path=str(shipped)) or (None if folder else shutil.which("reflection"))
    if found is None:
        raise Unavailable("no platform runs here and this installation ships none; start one with `reflection up`, or "
                          "set REFLECTION_URL and REFLECTION_API_KEY")
    return pathlib.Path(found)


def _claim() -> tuple[pathlib.Path, int]:
    """A data directory that no other interpreter uses, and the descriptor that holds it. What an earlier one left
    there is finished by the recorder, so that nothing is lost."""
    for i in range(_DIRECTORIES_MAX):
        directory = data_directory() / "private" / str(i)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(directory / "python.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return directory, fd
        except BlockingIOError:
            os.close(fd)
    raise Unavailable(f"{_DIRECTORIES_MAX} private platforms run already")


class _Platform:
    """One process of `reflection up`. It ends when its standard input does."""

    def __init__(self, program: pathlib.Path) -> None:
        self._owner = os.getpid()
        self._directory, self._fd = _claim()
        self._process = self._start(program)
        atexit.register(self.stop)
        try:
            self._wait_ready()
            address = read_ready(self._directory / "data" / "ready.json")
            if address is None:
                raise Unavailable(f"the private platform ended at once; {self._directory}/log says why")
        except BaseException:
            self.stop()
            raise
        self.address = address

    def _start(self, program: pathlib.Path) -> subprocess.Popen[bytes]:
        log = self._directory / "log"
        too_long = log.exists() and log.stat().st_size > _LOG_MAX_BYTES
        with open(log, "wb" if too_long else "ab") as out:
            return subprocess.Popen(
                [program, "up", "--data", self._directory / "data", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0",
                 "--only", "gateway,job,recorder", "--tied"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, env=_environment(program),
                start_new_session=True)

    def _wait_ready(self) -> None:
        """It prints its table when every service is ready."""
        end = time.monotonic() + _READY_SECONDS
        out = typing.cast(typing.IO[bytes], self._process.stdout)
        os.set_blocking(out.fileno(), False)
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while b"reflection is ready" not in text:
                if not selector.select(max(end - time.monotonic(), 0)):
                    raise Unavailable(f"the private platform was not ready after {_READY_SECONDS:.0f} s")
                data = out.read()
                if data == b"":
                    raise Unavailable(f"the private platform does not start; {self._directory}/log says why")
                text += data or b""
        threading.Thread(target=_drain, args=(out,), name="reflection-platform", daemon=True).start()

    def alive(self) -> bool:
        return self._owner == os.getpid() and self._process.poll() is None

    def stop(self) -> None:
        """Ends it and waits for that; what records is finished first."""
        if self._owner != os.getpid() or self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._fd)


def _drain(out: typing.IO[bytes]) -> None:
    os.set_blocking(out.fileno(), True)
    with out:
        while out.read(4096):
            pass


def _environment(program: pathlib.Path) -> dict[str, str]:
    """With the libraries that were shipped beside the programs."""
    environment = dict(os.environ)
    libraries = program.parent.parent / "lib"
    if program.is_relative_to(_SHIPPED) and libraries.is_dir():
        old = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{old}" if old else str(libraries)
    return environment
