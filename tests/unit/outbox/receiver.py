"""A receiver of webhooks that behaves, or misbehaves, by path, and checks signatures on its own.

    receiver.py [CERTIFICATE KEY]       serves https with them, else http, on 127.0.0.1

Prints its port, then one line a request: path, webhook-id, webhook-timestamp, which of the secrets
below verify (bit 0 the first, bit 1 the second), attempts in progress, bytes of the body, body.
The check is Python's own hmac over the scheme of Standard Webhooks; nothing of the project is used.

    /ok 200   /status/N status N   /slow answers after 2 s   /silent never answers   /drop hangs up
    /huge 200 with an endless body   /redirect 307 to /ok   /retry-after/N 503, Retry-After: N or 1000
    /flaky/N N times 500, then 200
"""
import base64
import hashlib
import hmac
import http.server
import ssl
import sys
import threading
import time

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.b64encode(bytes(range(40))).decode()]
lock = threading.Lock()
active = 0
failures = {}
ENDLESS = None


def verified(headers, body):
    """Bits of the secrets by which one of the signatures is right."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    bits = 0
    for i, secret in enumerate(SECRETS):
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        bits |= (expected in headers["webhook-signature"].split(" ")) << i
    return bits


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global active
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            active += 1
            print(self.path, self.headers["webhook-id"], self.headers["webhook-timestamp"],
                  verified(self.headers, body) if self.headers["Content-Type"] == "application/json" else -1,
                  active, len(body), body[:60].decode(), flush=True)
        answer = self.decide()
        with lock:
            active -= 1  # before a byte of the answer is out: who has read it may come again at once
        if answer is None:
            self.close_connection = True
        else:
            self.answer(*answer)

    def decide(self):
        """Status, headers and body for this path, after its wait; None to hang up."""
        kind, _, number = self.path[1:].partition("/")
        if kind == "drop":
            return None
        if kind == "slow":
            time.sleep(2)
        elif kind == "silent":
            time.sleep(30)
        elif kind == "status":
            return int(number), {}, b"fine"
        elif kind == "redirect":
            return 307, {"Location": "/ok"}, b"fine"
        elif kind == "retry-after":
            return 503, {"Retry-After": number or "1000"}, b"fine"
        elif kind == "flaky":
            failures[self.path] = failures.get(self.path, 0) + 1
            return (500 if failures[self.path] <= int(number) else 200), {}, b"fine"
        elif kind == "huge":
            return 200, {"Content-Length": str(1 << 40)}, ENDLESS
        return 200, {}, b"fine"

    def answer(self, status, headers, body):
        try:
            self.send_response(status)
            if body is not ENDLESS:
                headers["Content-Length"] = str(len(body))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            while body is ENDLESS:
                self.wfile.write(bytes(65536))
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *args):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
