"""A jam service as a client sees it, for the tests of `reflection jam`: /ws/jam, /v1/jam/engines and
/v1/jam/render over HTTP or HTTPS. Its music is a tone whose every sample is known."""
import array
import base64
import hashlib
import http.server
import json
import math
import socket
import ssl
import struct
import threading
import time

PERIOD = 480
TONE = array.array("f", [0.25 * math.sin(2 * math.pi * (i // 2) / PERIOD) for i in range(2 * PERIOD)]).tobytes()
FRAME = 1920
OVERLAP = 480
KEY = "good"


def samples(first, n):
    """Bytes of n sample pairs from sample first."""
    at = first % PERIOD * 8
    return (TONE * ((n * 8 + at) // len(TONE) + 1))[at:at + n * 8]


def wav(data):
    return (b"RIFF" + struct.pack("<I", 50 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHHH", 18, 3, 2, 48000, 384000, 8, 32, 0) +
            b"fact" + struct.pack("<II", 4, len(data) // 8) + b"data" + struct.pack("<I", len(data)) + data)


class Session:
    """What outlives a connection."""

    def __init__(self, start):
        self.params = start["params"]
        self.frames = self.params.get("max_decode_frames", 50)
        self.index = 0
        self.seed = self.params.get("seed", 77)
        self.bpm = self.params.get("bpm", 120)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server_port}"
        self.messages = []  # of all clients, in order
        self.renders = []
        self.sessions = {}
        self.drop_after = None  # chunks, then the connection is cut once
        self.ends_after = None  # chunks, then the music ends by itself
        self.refusal = None  # an error message instead of started
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # clients that vanish are part of the tests


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def is_allowed(self):
        if self.headers.get("Authorization", "").removeprefix("Bearer ") == KEY:
            return True
        self.answer(401, json.dumps({"code": "UNAUTHORIZED", "message": "No valid API key."}).encode())
        return False

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_allowed():
            return
        self.server.renders.append(body)
        if body["params"].get("bpm", 120) > 200:
            self.answer(422, json.dumps({"title": "Unprocessable", "code": "OUT_OF_RANGE", "message": "bpm: must be 60 to 200", "field": "bpm", "limit": {"min": 60, "max": 200}}).encode())
            return
        self.answer(200, wav(samples(0, round(body["seconds"] * 48000))), X_Seed="1234")

    def do_GET(self):
        if not self.is_allowed():
            return
        if self.path == "/v1/jam/engines":
            self.answer(200, json.dumps({"engines": [{"name": "band", "styles": ["ambient", "bossa nova", "techno"]}]}).encode())
        elif self.path == "/ws/jam":
            self.upgrade()
        else:
            self.answer(404, b"{}")

    # ---- WebSocket ----

    def upgrade(self):
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.close_connection = True
        self.lock = threading.RLock()
        self.state = "open"
        self.play(self.read_message())

    def send(self, first, data):
        size = bytes([len(data)]) if len(data) < 126 else struct.pack(">BH", 126, len(data)) if len(data) < 65536 else struct.pack(">BQ", 127, len(data))
        with self.lock:
            self.wfile.write(bytes([first]) + size + data)

    def send_json(self, message):
        self.send(0x81, json.dumps(message).encode())

    def read_message(self):
        """The next text message, parsed; None at the end."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size >= 126:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
        mask = self.rfile.read(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
        if head[0] & 15 != 1:
            return None
        message = json.loads(data)
        self.server.messages.append(message)
        return message

    def begin(self, start):
        token = start.get("resume_token")
        session = self.server.sessions.pop(token) if token else Session(start)
        if token:
            session.index = start["last_index"] + 1
        self.server.sessions["token"] = session
        self.send_json({"type": "started", "mode": "rt", "session_id": "s" * 26, "sample_rate": 48000, "channels": 2, "seed": session.seed,
                        "engine": "band", "overlap": OVERLAP, "chunk_frames": session.frames, "format": "wav-f32",
                        "pace": session.params.get("pace", "asap"), "role": "controller", "resume_token": "token",
                        "resumed": bool(token), "next_index": session.index})
        return session

    def play(self, start):
        if self.server.refusal:
            self.send_json(self.server.refusal)
            return
        self.session = self.begin(start)
        reader = threading.Thread(target=self.listen, daemon=True)
        reader.start()
        self.stream()
        if self.state == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_json({"type": "stopped", "reason": self.state, "chunks_sent": self.session.index,
                        "samples_sent": self.session.index * self.session.frames * FRAME})
        self.send(0x88, struct.pack(">H", 1000))
        reader.join(5)

    def listen(self):
        while (message := self.read_message()) is not None:
            kind = message["type"]
            if kind == "stop":
                self.state = "client"
            elif kind == "update" and "bpm" in message and not 60 <= message["bpm"] <= 200:
                self.send_json({"type": "error", "code": "OUT_OF_RANGE", "error": "bpm must be 60 to 200", "field": "bpm"})
            elif kind in ("update", "pause", "resume", "reset_context"):
                self.session.bpm = message.get("bpm", self.session.bpm)
                self.send_json({"type": "status", "rev": 2, "applied_at_sample": 0, "updated": [field for field in message if field != "type"]})
            elif kind == "ping":
                self.send_json({"type": "pong"})
        if self.state == "open":
            self.state = "cut"

    def stream(self):
        session = self.session
        hop = session.frames * FRAME
        due = time.monotonic()
        while self.state == "open":
            if session.index == self.server.ends_after:
                self.state = "ended"
                return
            if session.index == self.server.drop_after:
                self.server.drop_after = None
                self.state = "cut"
                return
            with self.lock:  # nothing may stand between the audio and its chunk_meta
                self.send(0x82, wav(samples(session.index * hop, hop + OVERLAP)))
                self.send_json({"type": "chunk_meta", "metadata": {
                    "sample_rate": 48000, "channels": 2, "crossfade_seconds": OVERLAP / 48000, "chunk_frames": session.frames,
                    "chunk_seconds": session.frames / 25, "index": session.index, "start_sample": session.index * hop,
                    "samples": hop + OVERLAP, "format": "wav-f32", "seed": session.seed, "styles": [{"name": "jazz", "weight": 1}],
                    "bpm": session.bpm, "rev": 1, "bar": 1 + session.index * hop // 96000, "beat": 1.0, "generation_ms": 1, "lead_ms": 17}})
            session.index += 1
            if session.params.get("pace") == "realtime":
                due += hop / 48000
                time.sleep(max(0, due - time.monotonic()))
