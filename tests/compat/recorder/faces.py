"""The four faces of the recorder (A6) behind one interface, so that the same cases drive each.

Places are "start", "f:N" or UTC in ns. What a face refuses is a Refusal with the recorder's code and, for ranges, the
frames that there are.
"""
import asyncio
import base64
import datetime
import json
import os
import struct
import subprocess
import threading
import urllib.parse

import pattern
import rpc_wire
import websockets.sync.client
from reflection.core import Address, ReflectionError
from reflection.recorder import AudioConfig, AudioFormat, AudioRecorder, PlatformStore

NUMBERS = {"float32": 1, "int32": 2, "int24": 4, "int16": 8, "int8": 16, "uint8": 32}
DEFAULTS = {"source": "network", "sample_format": "int16", "channels": 1, "rate": 16000, "chunk": 1024,
            "store_format": "wav", "options": {}}


class Refusal(Exception):
    """What the recorder says against a call."""

    def __init__(self, code, available=None, message=""):
        super().__init__(f"{code} {message}")
        self.code = code
        self.available = available

    @staticmethod
    def of(document):
        a = document.get("available")
        frames = [a["from_frame"], a["to_frame"]] if a else None
        return Refusal(document.get("code"), frames, document.get("message", ""))


def text_of(place):
    """A place as JSON and queries have it."""
    if not isinstance(place, int):
        return place
    seconds, ns = divmod(place, 10**9)
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"


class Face:
    """What is the same for all: the pattern and the shape of a session."""

    has_recorder = True  # of its own, that start() belongs to: NOT_INITIALISED and ALREADY_RECORDING
    stops_again = False  # stop() of a stored session gives the same result instead of NOT_RECORDING

    def new(self, **settings):
        self.settings = {**DEFAULTS, **settings}
        self.published = 0

    def init(self):
        pass

    def close(self):
        pass

    def publish(self, n_frames):
        s = self.settings
        self.write(pattern.pcm(s["sample_format"], s["channels"], self.published, n_frames), n_frames)
        self.published += n_frames


class FaceC(Face):
    """(a) libreflection, by the program of face_c.c."""

    name = "C"

    def __init__(self, platform):
        self._process = subprocess.Popen([os.environ["RECORDER_FACE_C"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         env={**os.environ, **platform.client()})
        self._n = 0

    def done(self):
        self._process.stdin.close()
        assert self._process.wait(20) == 0, self._process.returncode

    def _op(self, op, **fields):
        line = json.dumps({"op": op, **{k: v for k, v in fields.items() if v is not None}})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the program ended at {line}"
        answer = json.loads(answer)
        if not answer["ok"]:
            raise Refusal.of(answer)
        return answer

    def new(self, **settings):
        super().new(**settings)
        self._op("new", **self.settings)

    def init(self):
        self._op("init")

    def close(self):
        self._op("close")

    def start(self, *prefixes):
        return self._op("start", prefixes=list(prefixes))["key"]

    def write(self, data, n_frames):
        self._op("publish", frames=n_frames, first=self.published)

    def gap(self, n_frames):
        self._op("gap", frames=n_frames)
        self.published += n_frames

    def pause(self):
        return self._op("pause")["frame"]

    def resume(self):
        return self._op("resume")["frame"]

    def marker(self, label, place):
        self._op("marker", label=label, at=place)

    def stop(self):
        return self._op("stop")["segment"]

    def document(self):
        return self._op("state")["document"]

    def clear(self):
        self._op("clear_frames")

    def segment(self, start, end, **how):
        place = {True: lambda p: {"ns": p}, False: lambda p: p}
        return base64.b64decode(self._op("segment", to=place[isinstance(end, int)](end), with_data=True,
                                         **{"from": place[isinstance(start, int)](start)}, **how)["data"])

    def listen(self, place, chunk_size, format):
        self._n += 1
        stream = f"s{self._n}"
        self._op("stream_open", id=stream, chunk_size=chunk_size, format=format, **{"from": place})

        def read():
            answer = self._op("stream_read", id=stream, with_data=True)
            assert answer["ended"], answer
            self._op("stream_close", id=stream)
            data, chunks = base64.b64decode(answer["data"]), []
            for chunk in answer["chunks"]:
                chunks.append(data[:chunk["bytes"]])
                data = data[chunk["bytes"]:]
            return chunks
        return read


class FaceRpc(Face):
    """(b) service Recorder over common/rpc."""

    name = "RPC"
    stops_again = True

    def __init__(self, platform):
        self._schema = rpc_wire.Schema(platform.schema)
        self._path = platform.data / "run" / "recorder.sock"
        self._channel = rpc_wire.Channel(self._path, self._schema, "conformance")
        self._recorder = "0" * 32
        self._session = ""
        self._publish = None
        self._listeners = []

    def done(self):
        self._channel.close()

    def _call(self, method, **fields):
        try:
            return self._channel.call(f"recorder.v1.Recorder/{method}", **fields)
        except rpc_wire.RpcError as error:
            raise self._refusal(error) from error

    @staticmethod
    def _refusal(error):
        return Refusal.of(json.loads(error.message))

    def init(self):
        opened = self._call("Open", body=json.dumps({**self.settings}))
        self._recorder = json.loads(opened.json.text)["id"]

    def close(self):
        self._call("Close", recorder_id=self._recorder)

    def start(self, *prefixes):
        make = self._schema.make
        if self.settings["source"] != "network":
            body = json.dumps({"prefixes": list(prefixes)})
            started = json.loads(self._call("Start", recorder_id=self._recorder, body=body).json.text)
            self._publish, self._session = None, started["id"]
            return started["key"]
        publish = self._channel.begin("recorder.v1.Recorder/Publish", last=False)
        body = json.dumps({"prefixes": list(prefixes)})
        publish.send(make("recorder.v1.FromPublisher", start=make("recorder.v1.PublishStart",
                                                                  recorder_id=self._recorder, body=body)))
        begun = self._next(publish).started
        self._publish, self._session, self.published = publish, begun.session, 0
        return begun.key

    def _send(self, attachment=b"", **kind):
        name, fields = next(iter(kind.items()))
        value = fields if isinstance(fields, bool) else self._schema.make(f"recorder.v1.Publish{name.title()}", **fields)
        self._publish.send(self._schema.make("recorder.v1.FromPublisher", **{name: value}), attachment)

    def write(self, data, n_frames):
        size = len(data) // n_frames
        for at in range(0, n_frames, 1600):
            n = min(1600, n_frames - at)
            self._send(data[at * size:(at + n) * size], audio={"first_frame": self.published + at, "n_frames": n})

    def gap(self, n_frames):
        self._send(gap={"first_frame": self.published, "length": n_frames})
        self.published += n_frames

    def _flush(self):
        """What was published has been taken when a call behind it is answered."""
        if self._publish is not None:
            self._send(time={"t0": 1})
            while self._next(self._publish).WhichOneof("kind") != "time":
                pass

    def _next(self, publish):
        try:
            message = publish.next()[0]
        except rpc_wire.RpcError as error:
            raise self._refusal(error) from error
        if message.WhichOneof("kind") == "error":
            raise Refusal.of(json.loads(message.error.detail))
        return message

    def pause(self):
        self._flush()
        return self._call("Pause", session=self._session).frame

    def resume(self):
        self._flush()
        return self._call("Resume", session=self._session).frame

    def marker(self, label, place):
        self._flush()
        self._call("Marker", session=self._session, label=label, at=place)

    def stop(self):
        if self._publish is not None:
            publish, self._publish = self._publish, None
            publish.send(self._schema.make("recorder.v1.FromPublisher", stop=self._schema.make(
                "recorder.v1.PublishStop", last_frame=self.published)))
            while True:
                message = publish.next()[0]
                if message.WhichOneof("kind") == "stopped":
                    return json.loads(message.stopped.text)
        return json.loads(self._call("Stop", session=self._session).json.text)

    def document(self):
        self._flush()
        return json.loads(self._call("Get", session=self._session).json.text)

    def clear(self):
        self._flush()
        self._call("ClearFrames", session=self._session)

    def segment(self, start, end, *, format="pcm", rate=0, channels=0, clip=False):
        self._flush()
        make = self._schema.make
        request = make("recorder.v1.SegmentRequest", session=self._session, to=text_of(end), clip=clip,
                       output=make("recorder.v1.Output", format=format, rate=rate, channels=channels),
                       **{"from": text_of(start)})
        return b"".join(self._drain(self._channel.begin("recorder.v1.Recorder/Segment", request)))

    def _drain(self, call):
        try:
            while (message := call.next()) is not None:
                yield message[1]
        except rpc_wire.RpcError as error:
            raise self._refusal(error) from error

    def listen(self, place, chunk_size, format):
        make = self._schema.make
        channel = rpc_wire.Channel(self._path, self._schema, "conformance")
        request = make("recorder.v1.StreamRequest", session=self._session, chunk_size=chunk_size,
                       output=make("recorder.v1.Output", format=format), **{"from": place})
        call = channel.begin("recorder.v1.Recorder/Stream", request)

        def read():
            chunks, part = [], b""
            while (message := call.next()) is not None:
                part += message[1]
                if message[0].chunk_end:
                    chunks.append(part)
                    part = b""
            channel.close()
            return chunks + ([part] if part else [])
        return read


class FaceGateway(Face):
    """(c) REST and WebSocket."""

    name = "gateway"
    has_recorder = False
    stops_again = True

    def __init__(self, platform):
        self._platform = platform
        self._socket = None
        self._session = "0" * 32

    def done(self):
        if self._socket is not None:
            self._socket.close()

    def _connect(self):
        return websockets.sync.client.connect(self._platform.http.replace("http", "ws", 1) + "/ws/recorder",
                                              additional_headers={"Authorization": f"Bearer {self._platform.key}"},
                                              compression=None, max_size=1 << 20, proxy=None)

    def _call(self, method, path="", **query):
        text = "?" + urllib.parse.urlencode(query) if query else ""
        status, _, data = self._platform.call(method, f"/v1/recordings/{self._session}{path}{text}")
        if status >= 300:
            raise Refusal.of(json.loads(data))
        return data

    def _ask(self, kind, **fields):
        """A message and the answer to it."""
        self._socket.send(json.dumps({"type": kind, "req": kind, **fields}))
        while True:
            data = self._socket.recv(20)
            answer = json.loads(data) if isinstance(data, str) else {}
            if answer.get("req") == kind:
                if answer["type"] == "error":
                    raise Refusal.of(answer)
                return answer

    def start(self, *prefixes):
        if self.settings["source"] != "network":
            status, _, data = self._platform.call("POST", "/v1/recordings", {**self.settings, "prefixes": list(prefixes)})
            if status != 201:
                raise Refusal.of(json.loads(data))
            started = json.loads(data)
            self._session, self._publishes = started["id"], False
            return started["key"]
        self._socket = self._socket or self._connect()
        started = self._ask("start", prefixes=list(prefixes), **self.settings)
        self._session, self._stream = started["session"], started["stream_id"]
        self.published = 0
        self._publishes = True
        return started["key"]

    def write(self, data, n_frames):
        size = len(data) // n_frames
        for at in range(0, n_frames, 1600):
            n = min(1600, n_frames - at)
            self._socket.send(struct.pack("<BBHIQ", 1, 0, self._stream, n, self.published + at) +
                              data[at * size:(at + n) * size])

    def gap(self, n_frames):
        self._socket.send(json.dumps({"type": "gap", "stream_id": self._stream, "first_frame": self.published,
                                      "length": n_frames}))
        self.published += n_frames

    def _flush(self):
        if self._socket is not None:
            self._ask("time", t0=1)

    def pause(self):
        self._flush()
        return json.loads(self._call("POST", ":pause"))["frame"]

    def resume(self):
        self._flush()
        return json.loads(self._call("POST", ":resume"))["frame"]

    def marker(self, label, place):
        self._ask("marker", stream_id=self._stream, label=label, at=place)

    def stop(self):
        if self._publishes:
            self._publishes = False
            return self._ask("stop", stream_id=self._stream, last_frame=self.published)["segment"]
        return json.loads(self._call("POST", ":stop"))

    def document(self):
        self._flush()
        return json.loads(self._call("GET"))

    def clear(self):
        self._flush()
        self._call("DELETE", local="true")

    def segment(self, start, end, *, clip=False, **how):
        self._flush()
        return self._call("GET", "/segment", to=text_of(end), clip=str(clip).lower(),
                          **{"from": text_of(start)}, **how)

    def listen(self, place, chunk_size, format):
        socket = self._connect()
        socket.send(json.dumps({"type": "subscribe", "session": self._session, "from": place, "format": format,
                                "chunk_size": chunk_size, "lag_policy": "wait"}))

        def read():
            chunks, part = [], b""
            while True:
                data = socket.recv(20)
                if isinstance(data, str):
                    if json.loads(data)["type"] == "end":
                        socket.close()
                        return chunks + ([part] if part else [])
                    continue
                part += data[16:]
                if struct.unpack_from("<I", data, 4)[0] > 0:  # frames are told where a chunk ends
                    chunks.append(part)
                    part = b""
        return read


class FacePython(Face):
    """(d) reflection-recorder, on an event loop of its own thread."""

    name = "Python"

    def __init__(self, platform):
        self._address = Address(platform.http, platform.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def done(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
        except ReflectionError as error:
            frames = [getattr(error, f"available_{end}_frame", None) for end in ("from", "to")]
            raise Refusal(error.code, None if frames[0] is None else frames, error.message) from error

    def new(self, **settings):
        super().new(**settings)
        s = self.settings
        self._run(self._make(s))

    async def _make(self, s):
        config = AudioConfig(NUMBERS[s["sample_format"]], s["channels"], s["rate"], s["chunk"])
        self._recorder = AudioRecorder(PlatformStore(self._address), config)
        self._recorder.options.source = s["source"]
        self._recorder.options.source_name = s.get("source_name", "")
        self._recorder.options.store_format = s["store_format"]
        self._recorder.options.segment_range = "strict"
        for name, value in s["options"].items():
            setattr(self._recorder.options, name, value)

    def init(self):
        self._run(self._recorder.init())

    def close(self):
        self._run(self._recorder.close())

    def start(self, *prefixes):
        key = self._run(self._recorder.start(*prefixes))
        self.published = 0
        return key

    def write(self, data, n_frames):
        self._run(self._recorder.write(data))

    def gap(self, n_frames):
        self._run(self._recorder.gap(n_frames))
        self.published += n_frames

    def pause(self):
        return self._run(self._recorder.pause())

    def resume(self):
        return self._run(self._recorder.resume())

    def marker(self, label, place):
        self._run(self._recorder.marker(label, int(place.removeprefix("f:"))))

    def stop(self):
        segment = self._run(self._recorder.stop())
        document = self.document()["segments"][-1]
        kept = pattern.kept_bytes(self.settings["sample_format"], self.settings["channels"])
        assert (segment.key, segment.duration_ms) == (document["key"], document["duration_ms"])
        assert len(segment.frames) == document["frame_count"] * kept
        return document

    def document(self):
        return self._run(self._recorder.info())

    def clear(self):
        async def clear():
            self._recorder.clear_frames()
        self._run(clear())

    def segment(self, start, end, *, format="pcm", rate=None, channels=None, clip=False):
        times = [datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc) +
                 datetime.timedelta(microseconds=ns % 10**9 // 1000) for ns in (start, end)]
        self._recorder.options.segment_range = "clip" if clip else "strict"
        return self._run(self._recorder.segment(*times, format=AudioFormat(format), rate=rate, channels=channels))

    def listen(self, place, chunk_size, format):
        async def read():
            self._recorder.options.stream_from = int(place.removeprefix("f:")) if place != "start" else place
            return [chunk async for chunk in self._recorder.stream(chunk_size, AudioFormat(format))]
        task = asyncio.run_coroutine_threadsafe(read(), self._loop)
        return lambda: task.result(30)


ALL = (FaceC, FaceRpc, FaceGateway, FacePython)
