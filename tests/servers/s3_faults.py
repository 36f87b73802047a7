"""A proxy before an S3 server that does what networks and busy servers do.

A fault is set for the next so many requests of a method ("ANY" for all); after them all is well again.
Requests go through unchanged, so that their signatures hold.
"""
import hashlib
import hmac
import http.client
import http.server
import random
import socket
import struct
import threading
import time

SLICE_S = 0.05
TROUBLES = (("status", "503", "SlowDown"), ("status", "500", "InternalError"), ("reset", "0", ""),
            ("reset", "70000", ""), ("lose", "0", ""), ("lose", "9", ""))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def answer(self, status, headers, body):
        self.wfile.write(f"HTTP/1.1 {status} {http.client.responses.get(status, '')}\r\n".encode())
        for name, value in headers:
            self.wfile.write(f"{name}: {value}\r\n".encode("latin-1"))
        self.wfile.write(b"\r\n")
        rate = self.server.rate
        if not rate:
            self.wfile.write(body)
            return
        step = max(1, int(rate * SLICE_S))
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            self.wfile.flush()
            time.sleep(SLICE_S)

    def forward(self, body):
        """The real server's answer: status, headers, body."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                upstream.putheader(name, value)
        upstream.endheaders(body)
        response = upstream.getresponse()
        content = response.read()
        headers = [(n, v) for n, v in response.getheaders() if n.lower() not in ("transfer-encoding", "connection")]
        if not any(n.lower() == "content-length" for n, _ in headers):
            headers.append(("Content-Length", str(len(content))))
        upstream.close()
        return response.status, headers, content

    def handle_any(self):
        length = int(self.headers.get("Content-Length", "0"))
        kind, value, code = self.server.next_fault(self.command, self.path, self.headers)
        if kind == "reset":
            self.rfile.read(min(length, int(value)))
            self.reset()
            return
        body = self.rfile.read(length)
        if kind == "status":
            xml = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
            self.answer(int(value), [("Content-Length", str(len(xml))), ("Content-Type", "application/xml")],
                        b"" if self.command == "HEAD" else xml)
            return
        status, headers, content = self.forward(body)
        if kind == "lose":  # done, but nobody hears of it; or only of its beginning
            if int(value):
                self.answer(status, headers, content[:int(value)])
            self.reset()
            return
        self.answer(status, headers, content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.rate = 0
        self.percent, self.random, self.n_troubled = 0, random.Random(0), 0
        self.lock = threading.Lock()
        self.fault = (None, "0", "")
        self.method, self.times = "ANY", 0
        self.n_seen, self.last, self.last_line = 0, {}, ("", "")

    def handle_error(self, *_):
        pass  # a client that hangs up is what tests do

    def next_fault(self, method, path, headers):
        with self.lock:
            self.n_seen += 1
            self.last_line = (method, path)
            self.last = {name.lower(): value for name, value in headers.items()}
            if self.percent > self.random.uniform(0, 100):
                self.n_troubled += 1
                return self.random.choice(TROUBLES)
            if self.times <= 0 or self.method not in ("ANY", method):
                return None, "0", ""
            self.times -= 1
            return self.fault


def signature(secret, method, path, headers):
    """What the signature of a request must be (AWS Signature Version 4), as its own words say."""
    fields = dict(part.strip().split("=", 1) for part in headers["authorization"].partition(" ")[2].split(","))
    day, region, service, end = scope = fields["Credential"].split("/")[1:]
    names = fields["SignedHeaders"].split(";")
    place, _, query = path.partition("?")
    canonical = "\n".join([method, place, query, *(f"{n}:{headers[n]}" for n in names), "", ";".join(names),
                           headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope),
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for word in (day, region, service, end):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex(), fields["Signature"]


class Proxy:
    def __init__(self, upstream):
        self.listener = Listener(upstream)
        self.port = self.listener.server_address[1]
        self.thread = threading.Thread(target=self.listener.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()

    def fault(self, method, times, kind, value="0", code="InternalError"):
        """status VALUE CODE; reset after VALUE bytes of the body; lose the answer but its first VALUE bytes."""
        with self.listener.lock:
            self.listener.method, self.listener.times = method, int(times)
            self.listener.fault = (kind, value, code)

    def trouble(self, percent, seed="0"):
        """Any of these, for so many requests of a hundred."""
        with self.listener.lock:
            self.listener.percent, self.listener.random = float(percent), random.Random(int(seed))

    def troubled(self):
        """How many requests have met any of them so far."""
        return self.listener.n_troubled

    def left(self):
        """How many requests are still to meet the fault."""
        return self.listener.times

    def slow(self, bytes_per_s):
        self.listener.rate = int(bytes_per_s)

    def seen(self):
        """The number of requests so far."""
        return self.listener.n_seen

    def header(self, name):
        """A header of the last request."""
        return self.listener.last.get(name.lower(), "")

    def is_signed(self, secret):
        """Whether the signature of the last request is that of the secret."""
        wanted, given = signature(secret, *self.listener.last_line, self.listener.last)
        return wanted == given
