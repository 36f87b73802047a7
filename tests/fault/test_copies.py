"""copyResultsTo (spec jobs.md 2.5, 4.3, 7) to targets that refuse, fail, hang up, crawl and keep silent: what may
pass is tried again, what will not ends at once, and the error says which output.

With REFLECTION_LONG=1 targets that never answer, or take 1 kB/s, are tried to the end."""
import collections
import concurrent.futures
import http.server
import pathlib
import socket
import struct
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))
import rf_platform  # noqa: E402
from load import SETTINGS  # noqa: E402
from rf_platform import LONG, wait_until  # noqa: E402

TRIES = 2  # of one attempt
ATTEMPTS = 4
FETCH_S = 10
SILENT_S = 60
DATA = bytes(range(256)) * 4096  # 1 MiB: more than sockets hold
MESSAGE = "Output 'file' could not be stored."
PATIENCE_S = 600 if LONG else 120


class Target(http.server.BaseHTTPRequestHandler):
    """PUT /NAME/N/BEHAVIOUR: so behaves for the first N requests of NAME; takes what comes later."""

    def log_message(self, *_):
        pass

    def answer(self, status, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def take(self):
        self.server.taken[self.path] = self.body()
        self.answer(200)

    def status(self, number):
        data = self.body()
        if number.startswith("2"):
            self.server.taken[self.path] = data
        self.answer(int(number), ("Location", "/elsewhere/0/take"))

    def slow(self, seconds):
        data = self.body()
        time.sleep(float(seconds))
        self.server.taken[self.path] = data
        self.answer(200)

    def reset(self, n_bytes):
        self.rfile.read(int(n_bytes))
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def silence(self, seconds):
        self.body()
        time.sleep(float(seconds))
        self.close_connection = True

    def crawl(self, bytes_per_s):
        """Reads so slowly that the sender must wait."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(SILENT_S):
            self.connection.recv(int(bytes_per_s))
            time.sleep(1)
        self.close_connection = True

    def do_PUT(self):
        _, _, n, behaviour, *words = self.path.split("/")
        with self.server.lock:
            self.server.seen[self.path] += 1
            troubled = self.server.seen[self.path] <= int(n)
        try:
            getattr(self, behaviour)(*words) if troubled else self.take()
        except OSError:
            self.close_connection = True  # the other side had enough


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Target)
        self.lock = threading.Lock()
        self.seen, self.taken = collections.Counter(), {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a client that hangs up is what tests do


# name: path of the target, the end, attempts, requests (None: not counted)
DONE, REFUSED, FAILED = "SUCCEEDED", "BAD_INPUT", "INTERNAL_ERROR"
ROWS = {
    "2xx is success": ("/a/1000/status/201", DONE, 1, 1),
    "4xx ends the job at once: 400": ("/b/1000/status/400", REFUSED, 1, 1),
    "4xx ends the job at once: 403": ("/c/1000/status/403", REFUSED, 1, 1),
    "4xx ends the job at once: 404": ("/d/1000/status/404", REFUSED, 1, 1),
    "4xx ends the job at once: 413": ("/e/1000/status/413", REFUSED, 1, 1),
    "a redirect is not followed": ("/f/1000/status/307", REFUSED, 1, 1),
    "5xx once is tried again within the attempt": ("/g/1/status/500", DONE, 1, 2),
    "5xx for an attempt is tried again by the next": (f"/h/{TRIES}/status/503", DONE, 2, TRIES + 1),
    "5xx for ever fails after the 4th attempt": ("/i/1000/status/502", FAILED, ATTEMPTS, ATTEMPTS * TRIES),
    "a reset in the body is tried again": ("/j/1/reset/70000", DONE, 1, 2),
    "a reset for an attempt is tried again by the next": (f"/k/{TRIES}/reset/70000", DONE, 2, TRIES + 1),
    "a reset for ever fails after the 4th attempt": ("/l/1000/reset/0", FAILED, ATTEMPTS, ATTEMPTS * TRIES),
    "nobody listens": (None, FAILED, ATTEMPTS, None),
    "an answer that takes 3 s is waited for": ("/m/1/slow/3", DONE, 1, 1),
    "silence is ended by the limit and tried again": ("/n/1/silence/60", DONE, 2, 2),
}
LONG_ROWS = {
    "silence for ever fails after the 4th attempt": ("/o/1000/silence/60", FAILED, ATTEMPTS, ATTEMPTS),
    "1 kB/s for ever fails after the 4th attempt": ("/p/1000/crawl/1000", FAILED, ATTEMPTS, None),
}


def put_input(p):
    urls = p.json("GET", "/v1/upload")
    parts = urllib.parse.urlsplit(urls["uploadUrl"])
    assert p.call("PUT", f"{parts.path}?{parts.query}", DATA)[0] == 200
    return urls["downloadUrl"]


def run(p, listener, url, row):
    """Runs a job whose file goes to the target; raises what is not as the row says."""
    path, end, n_attempts, n_requests = row
    port = listener.server_address[1] if path else 1
    target = f"http://127.0.0.1:{port}{path or '/'}"
    job = p.json("POST", "/v1/job", {"name": "copy", "workflow": "sdk-test", "params": {"file": url},
                                     "copyResultsTo": {"file": target}})["id"]
    wait_until(lambda: p.json("GET", f"/v1/job/{job}/status")["status"] in ("SUCCEEDED", "FAILED"), PATIENCE_S,
               "the job's end", step=0.3)
    got = p.json("GET", f"/v1/job/{job}?include=attempts")
    assert len(got["attempts"]) == n_attempts, got["attempts"]
    assert n_requests in (None, listener.seen[path]), listener.seen[path]
    if end == DONE:
        assert got["status"] == "SUCCEEDED" and got["result"] == {"file": "[custom storage]"}, got
        assert listener.taken[path] == DATA, "other bytes"
    else:
        assert got["status"] == "FAILED" and got["result"] is None, got
        assert (got["error"]["code"], got["error"]["message"]) == (end, MESSAGE), got["error"]
        redriven, _, _ = p.call("POST", f"/v1/job/{job}/redrive", {})
        assert redriven == (200 if end == FAILED else 409), f"redrive: {redriven}"


def rows(p):
    """Each of ROWS, all at once, since most of them wait."""
    listener, url = Listener(), put_input(p)
    wanted = ROWS | (LONG_ROWS if LONG else {})
    with concurrent.futures.ThreadPoolExecutor(len(wanted)) as pool:
        runs = {name: pool.submit(run, p, listener, url, row) for name, row in wanted.items()}
    failed = {name: one.exception() for name, one in runs.items() if one.exception()}
    for name in wanted:
        print(f"{'FAIL ' if name in failed else 'ok   '} {name}{f': {failed[name]}' if name in failed else ''}",
              flush=True)
    listener.shutdown()
    listener.server_close()
    return 1 if failed else 0


def main():
    with rf_platform.Platform(*SETTINGS, "fetch.allow_loopback=true", f"fetch.tries={TRIES}",
                              f"fetch.total_s={FETCH_S}", "slots=32", on="local",
                              only="gateway,job,processor") as platform:
        code = rows(platform)
        if code != 0:
            platform.tell_log(200)
    sys.exit(code)


if __name__ == "__main__":
    main()
