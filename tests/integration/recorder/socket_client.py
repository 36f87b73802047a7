"""A client of /ws/recorder byte by byte (RFC 6455): what it sends and what it is sent can be looked at."""
import base64
import collections
import json
import os
import socket
import struct
import time

PUBLISH, SUBSCRIBE = 1, 2
LAST = 2
HEAD = struct.Struct("<BBHIQ")


class Closed(Exception):
    """The server has closed the socket."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code}: {reason}")
        self.code = code


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"no socket: {status}")
        self.status = status


class Socket:
    def __init__(self, address, key=None, query="", origin=None, path="/ws/recorder"):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout=15)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.inbox = collections.deque()
        self.audio = collections.defaultdict(bytearray)  # by stream
        self.first = {}    # frame of a stream's first message
        self.ended = set() # streams whose last message has come
        self.largest = 0   # bytes of a message
        self.handshake(address, key, path + query, origin)

    def handshake(self, address, key, target, origin):
        lines = [f"GET {target} HTTP/1.1", f"Host: {address}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
        lines += [f"Authorization: Bearer {key}"] if key else []
        lines += [f"Origin: {origin}"] if origin else []
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        if status != 101:
            raise Refused(status)

    def fill(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise Closed(1006, "the connection ended")
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    # ---- out ----

    @staticmethod
    def masked(opcode, payload):
        """A frame of a client, masked with zeros."""
        length = len(payload)
        head = bytes([0x80 | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += struct.pack(">BH", 0x80 | 126, length)
        else:
            head += struct.pack(">BQ", 0x80 | 127, length)
        return head + bytes(4) + payload

    def frame(self, opcode, payload):
        self.sock.sendall(self.masked(opcode, payload))

    def press(self, opcode, payload, until, seconds=60):
        """Sends a frame again and again, without reading, until something holds."""
        patience = self.sock.gettimeout()
        self.sock.settimeout(0.05)
        end, rest = time.monotonic() + seconds, b""
        while not until():
            assert time.monotonic() < end, f"nothing happened in {seconds} s"
            rest = rest or self.masked(opcode, payload)
            try:
                rest = rest[self.sock.send(rest):]
            except TimeoutError:  # nobody takes it now
                pass
        self.sock.settimeout(patience)

    def say(self, kind, **fields):
        self.frame(1, json.dumps({"type": kind, **fields}).encode())

    def publish(self, stream_id, first, pcm, n_frames, flags=0):
        self.frame(2, HEAD.pack(PUBLISH, flags, stream_id, n_frames, first) + pcm)

    # ---- in ----

    def read_frame(self):
        first, second = self.take(2)
        length = second & 127
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def read(self):
        """Takes one message to its place."""
        opcode, payload = self.read_frame()
        self.largest = max(self.largest, len(payload))
        if opcode == 1:
            self.inbox.append(json.loads(payload))
        elif opcode == 2:
            kind, flags, stream_id, _, first = HEAD.unpack(payload[:HEAD.size])
            assert kind == SUBSCRIBE, kind
            self.first.setdefault(stream_id, first)
            self.audio[stream_id] += payload[HEAD.size:]
            if flags & LAST:
                self.ended.add(stream_id)
        elif opcode == 8:
            raise Closed(struct.unpack(">H", payload[:2])[0] if payload else 1005, payload[2:].decode())
        elif opcode == 9:
            self.frame(10, payload)

    def wait(self, kind, until=lambda message: True, seconds=10):
        """The next message of a kind that holds; an error that nobody waits for is one here."""
        end = time.monotonic() + seconds
        passed = []
        while time.monotonic() < end:
            while self.inbox:
                message = self.inbox.popleft()
                if message["type"] == kind and until(message):
                    self.inbox.extendleft(reversed(passed))
                    return message
                if message["type"] == "error" and kind != "error":
                    raise AssertionError(message)
                if message["type"] != "ack":
                    passed.append(message)
            self.read()
        raise TimeoutError(f"no {kind} within {seconds} s, but {passed}")

    def wait_end(self, stream_id):
        while stream_id not in self.ended:
            self.read()
        return self.wait("end", lambda m: m["stream_id"] == stream_id)

    def wait_close(self):
        """The code with which the server closes."""
        try:
            while True:
                self.read()
        except Closed as closed:
            return closed.code

    def lose(self):
        """Ends the connection as a network does: with a reset, without a word."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()
