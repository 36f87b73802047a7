"""A client of common/rpc's wire format (its README), so that the RPC face is driven by something else than itself."""
import socket
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MAGIC = b"rfrpc\r\n\x01"
CALL, DATA, END, CREDIT, CANCEL, PING, PONG, GOAWAY = range(1, 9)
MESSAGE, LAST = 1, 2
FRAME_MAX = 65536


class Schema:
    """Messages of a descriptor set, by full name."""

    def __init__(self, path):
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.Add(file)
        self._pool = pool

    def make(self, name, **fields):
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(name))(**fields)

    def method(self, name):
        service, _, method = name.rpartition("/")
        return self._pool.FindServiceByName(service).methods_by_name[method]


class RpcError(Exception):
    """A call that ended with a status."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Channel:
    """One connection over a Unix socket; one thread, one call at a time reads."""

    def __init__(self, path, schema, tenant):
        self._schema = schema
        self._tenant = tenant.encode()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.settimeout(20)
        self._socket.sendall(MAGIC)
        assert self._read(8) == MAGIC
        self._last_id = 0
        self._calls = {}

    def close(self):
        self._socket.close()

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self._socket.recv(n - len(data))
            if not piece:
                raise ConnectionError("the service closed the connection")
            data += piece
        return data

    def _send(self, kind, flags, call, payload):
        self._socket.sendall(struct.pack("<IBBHI", len(payload), kind, flags, 0, call) + payload)

    def begin(self, method, request=None, last=True):
        """Begins a call, with its first message."""
        self._last_id += 1
        call = Call(self, self._last_id, self._schema.method(method))
        self._calls[call.id] = call
        name = method.encode()
        head = struct.pack("<IBBBB4x", 60000, len(name), 0, 0, len(self._tenant)) + name + self._tenant
        flags = (MESSAGE if request is not None else 0) | (LAST if last else 0)
        self._send(CALL, flags, call.id, head + (_whole(request) if request is not None else b""))
        return call

    def call(self, method, **fields):
        """A unary call: its answer."""
        request = self._schema.make(self._schema.method(method).input_type.full_name, **fields)
        return self.begin(method, request).next()[0]

    def serve(self):
        """Takes one frame."""
        length, kind, flags, _, call_id = struct.unpack("<IBBHI", self._read(12))
        payload = self._read(length)
        if kind == PING:
            self._send(PONG, 0, 0, payload)
        elif kind in (DATA, END) and call_id in self._calls:
            self._calls[call_id].take(kind, flags, payload)
        if kind == DATA and length > 0:
            credit = struct.pack("<I", length)
            self._send(CREDIT, 0, 0, credit)
            if call_id in self._calls:
                self._send(CREDIT, 0, call_id, credit)

    def forget(self, call_id):
        self._calls.pop(call_id, None)


def _whole(message, attachment=b""):
    header = message.SerializeToString()
    return struct.pack("<II", len(header), len(attachment)) + header + attachment


class Call:
    """One call: messages (header, attachment) that come, messages that are sent."""

    def __init__(self, channel, call_id, method):
        self.id = call_id
        self.method = method
        self._channel = channel
        self._buffer = b""
        self._messages = []
        self._end = None

    def send(self, message, attachment=b"", last=False):
        data = _whole(message, attachment)
        pieces = [data[i:i + FRAME_MAX] for i in range(0, len(data), FRAME_MAX)]
        for i, piece in enumerate(pieces):
            flags = (MESSAGE if i == 0 else 0) | (LAST if last and i + 1 == len(pieces) else 0)
            self._channel._send(DATA, flags, self.id, piece)

    def cancel(self):
        if self._end is None:
            self._channel._send(CANCEL, 0, self.id, b"\x01")
            self._channel.forget(self.id)

    def take(self, kind, flags, payload):
        if kind == END:
            length = struct.unpack_from("<H", payload, 2)[0]
            self._end = (payload[0], payload[4:4 + length].decode())
            payload = payload[4 + length:]
            self._channel.forget(self.id)
        self._buffer += payload
        if len(self._buffer) >= 8:
            n_header, n_attachment = struct.unpack_from("<II", self._buffer)
            if len(self._buffer) == 8 + n_header + n_attachment:
                message = message_factory.GetMessageClass(self.method.output_type).FromString(
                    self._buffer[8:8 + n_header])
                self._messages.append((message, self._buffer[8 + n_header:]))
                self._buffer = b""

    def next(self):
        """The next message; None at the end. Raises RpcError."""
        while not self._messages and self._end is None:
            self._channel.serve()
        if self._messages:
            return self._messages.pop(0)
        if self._end[0] != 0:
            raise RpcError(*self._end)
        return None
