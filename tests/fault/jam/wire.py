"""A WebSocket client that shows every frame and can send any bytes, for faults. asyncio; plain TCP."""
import asyncio
import base64
import json
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE_S = 60


class Refused(Exception):
    """The upgrade was answered with something else."""

    def __init__(self, status, headers):
        super().__init__(f"{status} {headers}")
        self.status, self.headers = status, headers


def frame(opcode, payload=b"", final=True, masked=True, reserved=0):
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask_bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def request(platform, key=None):
    return (f"GET /ws/jam HTTP/1.1\r\nHost: {platform.host}:{platform.port}\r\n"
            f"Authorization: Bearer {platform.key if key is None else key}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n").encode()


class Wire:
    """close_code is set once the peer has closed: its code, 1005 for none, 1006 without a close."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.close_code = None

    @classmethod
    async def open(cls, platform, receive_bytes=None):
        """Connected and upgraded; receive_bytes makes the kernel's buffer for what comes small."""
        s = socket.socket()
        if receive_bytes is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        s.setblocking(False)
        await asyncio.get_running_loop().sock_connect(s, (platform.host, platform.port))
        reader, writer = await asyncio.open_connection(sock=s, limit=2**16)
        writer.write(request(platform))
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        if status != 101:
            writer.close()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            raise Refused(status, {k.lower(): v for k, v in headers.items()})
        return cls(reader, writer)

    async def send(self, message):
        await self.send_raw(frame(TEXT, json.dumps(message).encode()))

    async def send_raw(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def _head(self):
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", await self.reader.readexactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", await self.reader.readexactly(8))
        return first, size

    async def _message(self):
        """The next whole message: (opcode, payload); None when the peer has closed."""
        parts, kind = [], None
        while True:
            try:
                first, size = await self._head()
                payload = await self.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close_code = self.close_code or 1006
                return None
            opcode = first & 0x0F
            if opcode == CLOSE:
                self.close_code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                self.writer.write(frame(CLOSE, payload[:2]))
                self.writer.close()
                return None
            if opcode == PING:
                self.writer.write(frame(PONG, payload))
            elif opcode != PONG:
                kind = opcode or kind
                parts.append(payload)
                if first & 0x80:
                    return kind, b"".join(parts)

    async def next(self, seconds=PATIENCE_S):
        """The next message as JSON; None when the peer has closed. A chunk keeps its base64."""
        got = await asyncio.wait_for(self._message(), seconds)
        return None if got is None else json.loads(got[1])

    async def until(self, *kinds, seconds=PATIENCE_S):
        """The next message of these types; fails when the peer closes before."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.next()
                if message is None:
                    raise ConnectionError(f"closed with {self.close_code} before {kinds}")
                if message["type"] in kinds:
                    return message

    async def closed(self, seconds=PATIENCE_S):
        """The code with which the peer closes, whatever it says before."""
        async with asyncio.timeout(seconds):
            while await self._message() is not None:
                pass
        return self.close_code

    def vanish(self):
        """Ends the connection at once, with a reset."""
        s = self.writer.get_extra_info("socket")
        if s is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def stop(self):
        """An orderly end."""
        await self.send({"type": "stop"})
        code = await self.closed()
        assert code == 1000, f"stop was answered with close {code}"


async def start(platform, *, resume=None, **params):
    """A socket with a session that has begun, and its `started`."""
    wire = await Wire.open(platform)
    message = {"type": "start", "params": {"styles": "warmup", "pace": "realtime", **params}}
    if resume is not None:
        message.update(resume)
    await wire.send(message)
    return wire, await wire.until("started", "error")
