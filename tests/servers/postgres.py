"""PostgreSQL 15 of Debian's package postgresql-15, its data in the server's directory.

Options: password=WORD   the user may log in with it alone (else: anybody may)
         fsync=off       survives its own death, not the machine's; for tests of correctness
         proxied=1       settings["proxied_url"] leads through tcp_proxy.py, the hold and release of which are
                         then the server's
Settings: url, read_only_url (the same server, transactions that do not write)
"""
import pathlib
import pwd
import os
import signal
import subprocess

import servers
import tcp_proxy

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
USER = "postgres"  # of the package; the server refuses to run as root

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
shared_buffers = 64MB
max_connections = 300
wal_level = minimal
max_wal_senders = 0
fsync = {fsync}
"""


def missing():
    return "" if (PROGRAMS / "initdb").exists() else "PostgreSQL: the package postgresql-15 is not installed"


class Server(servers.Base):
    def __init__(self, directory, password="", fsync="on", proxied=""):
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "data"
        self.port, = servers.free_ports(1)
        self.password = password
        self.fsync = fsync
        self.user = USER if os.geteuid() == 0 else None
        self.server = servers.Process(directory, "postgres",
                                      [str(PROGRAMS / "postgres"), "-D", str(self.data)], self.user)
        self.processes = [self.server]
        login = f"postgres:{password}" if password else "postgres"
        url = f"postgresql://{login}@127.0.0.1:{self.port}/postgres"
        self.settings = {
            "url": url,
            "read_only_url": url + "?options=-c%20default_transaction_read_only%3Don"}
        self.proxies = []
        if proxied:
            self.proxies = [tcp_proxy.Proxy(self.port)]
            self.settings["proxied_url"] = url.replace(f":{self.port}/", f":{self.proxies[0].port}/")

    def make(self):
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        word = self.directory / "word"
        word.write_text(self.password or "none")
        word.chmod(0o644)
        subprocess.run([str(PROGRAMS / "initdb"), "-D", str(self.data), "-U", "postgres",
                        "-A", "scram-sha-256" if self.password else "trust", f"--pwfile={word}",
                        "--no-sync", "--locale=C", "-E", "UTF8"],
                       check=True, capture_output=True, user=self.user)
        word.unlink()
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(port=self.port, directory=self.directory,
                                            fsync=self.fsync))

    def serves(self):
        return subprocess.run([str(PROGRAMS / "pg_isready"), "-q", "-h", "127.0.0.1",
                               "-p", str(self.port)], check=False).returncode == 0

    def start(self):
        if not self.data.exists():
            self.make()
        if not self.pids():
            for left in [self.data / "postmaster.pid", *self.directory.glob(".s.PGSQL.*")]:
                left.unlink(missing_ok=True)
        self.server.start()
        self.server.wait_until(self.serves, "PostgreSQL answers")

    def pids(self):
        """Of the server and its backends."""
        found = self.server.pids()
        for pid in list(found):
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
            found += map(int, children.split())
        return found

    def signal_all(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # a backend whose client has gone

    def kill(self):
        """The server alone; its backends see that and end, and as long as one lives none can start."""
        pids = self.pids()
        super().kill()
        servers.wait_until(lambda: not any(map(servers.lives, pids)), "the backends' end")

    def pause(self):
        def stop():
            self.signal_all(signal.SIGSTOP)  # again, for a backend that came meanwhile
            return all(map(servers.stands_still, self.pids()))

        servers.wait_until(stop, "PostgreSQL stands still")

    def resume(self):
        self.signal_all(signal.SIGCONT)

    def restart(self):
        """An orderly stop that cuts every connection, and a start."""
        self.stop()
        self.start()

    def stop(self):
        self.release()
        self.server.signal(signal.SIGINT)
        if self.server.process:
            self.server.process.wait()

    def run(self, *words):
        """One statement by psql, as the server's administrator, who may write even where it is read-only; returns
        what it prints."""
        return subprocess.run(["psql", "-XAtq", "-c", " ".join(words), self.settings["url"]],
                              env={**os.environ, "PGOPTIONS": "-c default_transaction_read_only=off"},
                              check=True, capture_output=True, text=True).stdout.strip()
