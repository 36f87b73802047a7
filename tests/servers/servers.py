"""Real servers for tests and benchmarks, one class a kind, started by `run` or from Python.

A server keeps all it has in one directory, listens on 127.0.0.1 only, on ports that it picked once
and keeps, so that what was killed comes back at the same address with the same data. A kind is a
module of this folder with a class Server(directory, **options):

    settings     dict of strings: what a client needs ("url", ...)
    pids()       of the processes that live
    start()      starts what does not run and waits until it serves; again after kill()
    kill()       SIGKILL; returns when the processes are gone
    pause()      SIGSTOP            resume()     SIGCONT
    stop()       ends the processes for good, at once

and a function missing(), which says in one line why the kind cannot be had here ("" when it can).
What comes from a registry is fetched beforehand, by scripts/lib, into fetched(KIND).
"""
import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
SKIPPED = 77
WAIT_S = 90  # ceiling of every wait; the slowest of the servers takes 5 s on two idle cores


def fetched(kind):
    """Where what a kind fetched from its registry lies, kept between runs."""
    return pathlib.Path(os.environ.get("REFLECTION_SERVERS", ROOT / "build" / "servers")) / kind


def free_ports(n):
    """n different ports of the loopback that nothing listens on."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
        return True
    except OSError:
        return False


def wait_until(check, what, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds} s")
        time.sleep(0.02)


def lives(pid):
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        return state.split()[0] not in "ZX"
    except OSError:
        return False


def stands_still(pid):
    """Whether SIGSTOP has reached every thread: it takes a moment on a busy machine."""
    try:
        states = [path.read_text(encoding="ascii").rpartition(")")[2].split()[0]
                  for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return not lives(pid)
    return all(state in "TtZX" for state in states)


class Process:
    """One process of a server, its output in a file of its directory."""

    def __init__(self, directory, name, command, user=None):
        self.log_path = pathlib.Path(directory) / f"{name}.log"
        self.command = command
        self.user = user
        self.process = None

    def pids(self):
        return [self.process.pid] if self.process and lives(self.process.pid) else []

    def start(self):
        if self.pids():
            return
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, user=self.user, group=self.user,
                                            extra_groups=[] if self.user else None)

    def wait_until(self, check, what):
        """Waits for check, and no longer than the process lives."""
        try:
            wait_until(lambda: check() or not self.pids(), what)
        except TimeoutError as e:
            raise TimeoutError(f"{e}: {self.log_tail()}") from None
        if not self.pids():
            raise RuntimeError(f"{self.command[0]} ended: {self.log_tail()}")

    def log_tail(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def signal(self, number):
        for pid in self.pids():
            os.kill(pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()


class Base:
    """What servers of one or more Process have in common; `processes` is the subclass's, and so are the
    `proxies` before them (tcp_proxy.py)."""

    processes = ()
    proxies = ()

    def pids(self):
        return [pid for p in self.processes for pid in p.pids()]

    def kill(self):
        for p in self.processes:
            p.signal(signal.SIGKILL)
        for p in self.processes:
            p.kill()

    def pause(self):
        for p in self.processes:
            p.signal(signal.SIGSTOP)
        wait_until(lambda: all(map(stands_still, self.pids())), "the server stands still")

    def resume(self):
        for p in self.processes:
            p.signal(signal.SIGCONT)

    def hold(self):
        for proxy in self.proxies:
            proxy.hold()

    def release(self):
        for proxy in self.proxies:
            proxy.release()

    def stop(self):
        self.kill()


# ---- for programs that run one server ----


def end_with_parent():
    """Ends this process, with what it cleans up, when its parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def obey(server, line):
    """Calls the method that a line names, with its words; the answer in one line."""
    name, *words = line.split()
    try:
        result = getattr(server, name)(*words)
        return "ok" if result is None else f"ok {json.dumps(result)}"
    except Exception as e:  # whatever it was, the test must hear it
        return "error " + " ".join(str(e).split())


@contextlib.contextmanager
def alone(what):
    """Of all tests on this machine only one is in here."""
    with open(pathlib.Path(tempfile.gettempdir()) / f"reflection-tests-{what}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def running(kind, options):
    """A started server in a directory of its own, both removed at the end. Exits with 77 and one line
    when the kind cannot be had here."""
    module = importlib.import_module(kind)
    missing = module.missing()
    if missing:
        print(missing, flush=True)
        sys.exit(SKIPPED)
    # Short, since a socket lies in it, and open to the user a server drops to.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    directory.chmod(0o755)
    server = module.Server(directory, **options)
    server.directory = directory
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
