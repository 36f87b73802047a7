"""Recordings through the gateway, over REST and /ws/recorder (spec recorder.md section 8): a stream
whose samples spell their frame numbers comes over a network that breaks, is heard in every format,
cut to the frame and deleted."""
import array
import base64
import collections
import hashlib
import http.client
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import uuid

sys.dont_write_bytecode = True  # nothing beside the sources
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "workflows"))
from raw_platform import BIN, run_checks
from socket_client import Closed, Refused, Socket

RATE = 16000
MESSAGE = 320  # frames
FORMATS = ("pcm", "wav", "flac", "mp3", "opus")


def spelled(first, end):
    """Frames that spell their numbers: int16, the low bits of each."""
    return array.array("H", [i & 0xffff for i in range(first, end)]).tobytes()


def publish(ws, stream_id, first, end):
    for at in range(first, end, MESSAGE):
        stop = min(at + MESSAGE, end)
        ws.publish(stream_id, at, spelled(at, stop), stop - at)


def post(p, path, body=None, **more):
    return p.call("POST", path, body, **more)


def start(p, **body):
    status, _, headers, data = post(p, "/v1/recordings", body)
    document = json.loads(data)
    assert status == 201, document
    assert headers["Location"] == f"/v1/recordings/{document['id']}"
    return document


def get(p, recording):
    return p.json("GET", f"/v1/recordings/{recording}")


def wait_state(p, recording, state):
    for _ in range(200):
        if get(p, recording)["state"] == state:
            return
        time.sleep(0.02)
    raise TimeoutError(f"{state} did not come")


def error(answer, status, code, field=None):
    got, _, headers, data = answer
    document = json.loads(data)
    assert (got, document["code"], document.get("field")) == (status, code, field), (got, document)
    assert document["title"] and document["message"], document
    return document


def segment(p, recording, **query):
    path = f"/v1/recordings/{recording}/segment?{urllib.parse.urlencode(query)}"
    status, _, headers, data = p.call("GET", path)
    assert status == 200, (query, status, data[:300])
    return headers, data


def decode(data, channels=1, rate=RATE):
    """What ffmpeg makes of a file, as int16; a word of warning is an error."""
    done = subprocess.run(["ffmpeg", "-v", "warning", "-i", "pipe:0", "-f", "s16le", "-ac", str(channels), "-ar",
                           str(rate), "pipe:1"], input=bytes(data), capture_output=True, check=True)
    told = [line for line in done.stderr.splitlines() if not line.startswith(b"Guessed Channel Layout")]
    assert not told, told
    return done.stdout


def publish_all(p, recording, ws, stream_id):
    """Publishes over two connections, one of which is lost, with a gap, a pause and markers."""
    publish(ws, stream_id, 0, RATE)
    assert ws.wait("ack", lambda m: m["frames_durable"] == RATE)["frames_received"] == RATE
    ws.lose()
    wait_state(p, recording, "INTERRUPTED")

    ws = Socket(p.address, p.key)
    ws.say("attach", req=7, session=recording)
    attached = ws.wait("attached")
    assert (attached["req"], attached["next_frame"]) == (7, RATE), attached
    stream_id = attached["stream_id"]
    publish(ws, stream_id, RATE - 1000, 2 * RATE)  # what has come is cut
    ws.say("gap", stream_id=stream_id, first_frame=2 * RATE, length=1600, cause="network")
    publish(ws, stream_id, 2 * RATE + 1600, 3 * RATE)
    ws.wait("ack", lambda m: m["frames_durable"] == 3 * RATE)
    ws.say("marker", req=8, stream_id=stream_id, label="half")
    assert ws.wait("done")["frame"] == 3 * RATE
    ws.say("pause", req=9, stream_id=stream_id)
    done = ws.wait("done")
    assert (done["req"], done["frame"]) == (9, 3 * RATE), done
    assert get(p, recording)["state"] == "PAUSED"
    status, _, _, data = post(p, f"/v1/recordings/{recording}:resume")
    assert (status, json.loads(data)) == (200, {"frame": 3 * RATE}), data
    publish(ws, stream_id, 3 * RATE, 4 * RATE)
    ws.say("stop", req=10, stream_id=stream_id, last_frame=4 * RATE)
    stopped = ws.wait("stopped")
    assert (stopped["req"], stopped["segment"]["frame_count"]) == (10, 4 * RATE), stopped
    ws.close()
    return stopped["segment"]


# S6, S8, T9, L1, L3, L7, O2: resent and lost frames, a publisher that comes back, every format whole, one stop
def a_broken_stream_is_kept_heard_and_stored(p, notes):
    notes["silent"] = Socket(p.address, p.key)
    recording = start(p, prefixes=["talk"], store_format="flac")["id"]
    ws, ears = Socket(p.address, p.key), Socket(p.address, p.key)
    streams = {}
    for form in FORMATS:
        ears.say("subscribe", req=form, session=recording, format=form, **{"from": "start"})
        subscribed = ears.wait("subscribed", lambda m: m["req"] == form)
        assert subscribed["first_frame"] == 0 and subscribed["time_map"], subscribed
        streams[form] = subscribed["stream_id"]
    ws.say("attach", req=1, session=recording)
    attached = ws.wait("attached")
    assert attached["next_frame"] == 0 and attached["window_frames"] == 10 * RATE, attached
    error(p.call("DELETE", f"/v1/recordings/{recording}"), 409, "ALREADY_RECORDING")
    stored = publish_all(p, recording, ws, attached["stream_id"])

    for form, stream_id in streams.items():
        end = ears.wait_end(stream_id)
        assert end["last_frame"] == 4 * RATE, end
    assert ears.largest <= 65536
    heard = {form: bytes(ears.audio[stream_id]) for form, stream_id in streams.items()}
    ears.close()
    whole = bytearray(spelled(0, 4 * RATE))
    whole[2 * 2 * RATE:2 * (2 * RATE + 1600)] = bytes(2 * 1600)
    notes.update(recording=recording, pcm=bytes(whole), key=stored["key"])
    assert heard["pcm"] == whole
    assert heard["wav"][-len(whole):] == whole
    assert decode(heard["flac"]) == whole
    for form in ("mp3", "opus"):
        seconds = len(decode(heard[form])) / 2 / RATE
        assert abs(seconds - 4) < 0.15, f"{form}: {seconds} s"

    store = pathlib.Path(p.root) / "data" / "objects" / "recorder"
    files = [f for f in store.rglob("*.flac") if f.is_file()]
    assert [hashlib.sha256(f.read_bytes()).hexdigest() for f in files] == [stored["sha256"]], files
    assert decode(files[0].read_bytes()) == whole
    one = get(p, recording)
    assert (one["state"], one["frames"], one["durable_frames"]) == ("STORED", 4 * RATE, 4 * RATE)
    assert [(g["start_frame"], g["length_frames"], g["cause"]) for g in one["gaps"]] == \
        [(2 * RATE, 1600, "network")], one["gaps"]
    assert len(one["pauses"]) == 1 and [m["label"] for m in one["markers"]] == ["half"], one
    again = json.loads(post(p, f"/v1/recordings/{recording}:stop")[3])
    assert again["sha256"] == stored["sha256"]  # O2


# T4, T5, T6, L10, O3: by frames and times, cut to what there is, by a matrix, of a session that has ended
def cuts_are_exact(p, notes):
    recording, pcm = notes["recording"], notes["pcm"]
    headers, data = segment(p, recording, **{"from": "f:100", "to": "f:1100"})
    assert data == pcm[200:2200]
    assert (headers["Recording-First-Frame"], headers["Recording-Frame-Count"], headers["Recording-Exact"]) == \
        ("100", "1000", "true"), headers
    assert headers["Content-Type"] == "application/octet-stream"
    _, data = segment(p, recording, **{"from": "f:100", "to": "f:1100", "format": "wav"})
    assert decode(data) == pcm[200:2200]
    _, data = segment(p, recording, **{"from": "f:0", "to": "f:16000", "rate": 8000, "channels": 2})
    assert len(data) == 8000 * 4
    _, data = segment(p, recording, **{"from": "f:0", "to": "f:100", "channels": 2, "matrix": "0,1"})
    assert data == b"".join(bytes(2) + pcm[2 * i:2 * i + 2] for i in range(100))
    _, data = segment(p, recording, **{"from": "f:63000", "to": "f:99999", "clip": "true"})
    assert data == pcm[2 * 63000:]
    headers, data = segment(p, recording)
    assert data == pcm

    piece = get(p, recording)["time_map"][-1]  # those before it came faster than time goes
    headers, data = segment(p, recording, **{"from": moment(piece, 50000), "to": moment(piece, 51000)})
    assert (headers["Recording-First-Frame"], data) == ("50000", pcm[100000:102000])

    for query in ("from=f:0&to=f:64001", "from=f:64000&to=f:64001"):
        available = error(p.call("GET", f"/v1/recordings/{recording}/segment?{query}"), 416,
                          "RANGE_OUTSIDE")["available"]
        assert (available["from_frame"], available["to_frame"]) == (0, 4 * RATE), available


def moment(piece, frame):
    """The time of a frame, by a piece of the time map."""
    text, ns = piece["at"].rstrip("Z").split(".")
    seconds = int(time.mktime(time.strptime(text + " UTC", "%Y-%m-%dT%H:%M:%S %Z"))) - time.timezone
    total = seconds * 10**9 + int(ns) + round((frame - piece["first_frame"]) * piece["ns_per_frame"])
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(total // 10**9)) + f".{total % 10**9:09d}Z"


def peaks_are_those_of_the_frames(p, notes):
    path = f"/v1/recordings/{notes['recording']}/peaks"
    status, _, headers, data = p.call("GET", f"{path}?spp=1000&bits=16")
    assert (status, struct.unpack("<iIiiii", data[:24])) == (200, (2, 0, RATE, 1000, 64, 1)), data[:24]
    samples = array.array("h", notes["pcm"])
    want = [f(samples[i:i + 1000]) for i in range(0, len(samples), 1000) for f in (min, max)]
    assert array.array("h", data[24:]).tolist() == want
    document = p.json("GET", f"{path}?format=json&spp=1000&bits=16&from=f:0&to=f:2000")
    assert document["length"] == 2 and document["data"] == want[:4], document
    error(p.call("GET", f"{path}?bits=9"), 400, "INVALID_ARGUMENT", "bits")


def raw_chunks(p, path):
    """Head, joined chunks and trailer of a chunked answer, as they stand on the wire."""
    host, port = p.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {p.address}\r\nAuthorization: {p.key}\r\n"
                  "Connection: close\r\n\r\n".encode())
        raw = b""
        while data := s.recv(1 << 16):
            raw += data
    head, rest = raw.split(b"\r\n\r\n", 1)
    body = b""
    while True:
        line, rest = rest.split(b"\r\n", 1)
        size = int(line, 16)
        if size == 0:
            return head.decode(), body, rest.decode()
        body, rest = body + rest[:size], rest[size + 2:]


# L4, L6: from a frame of a session that has ended
def a_stream_over_http_has_a_trailer(p, notes):
    path = f"/v1/recordings/{notes['recording']}/stream?from=f:1000&chunk_size=4000"
    head, body, trailer = raw_chunks(p, path)
    assert "\r\nTransfer-Encoding: chunked" in head and "\r\nTrailer: Recording-Last-Frame" in head
    assert "\r\nRecording-First-Frame: 1000" in head, head
    assert body == notes["pcm"][2000:]
    assert trailer == f"Recording-Last-Frame: {4 * RATE}\r\n\r\n", trailer
    error(p.call("GET", f"/v1/recordings/{notes['recording']}/stream"), 409, "NOT_RECORDING")


# L3: the last frames come, then the end
def a_live_stream_begins_before_its_first_frame(p, notes):
    recording = start(p)["id"]
    ws = Socket(p.address, p.key)
    ws.say("attach", session=recording)
    stream_id = ws.wait("attached")["stream_id"]
    connection = http.client.HTTPConnection(p.address, timeout=10)
    connection.request("GET", f"/v1/recordings/{recording}/stream?chunk_size=1000", headers={"Authorization": p.key})
    answer = connection.getresponse()  # the head: nothing has been published yet
    assert answer.status == 200 and answer.headers["Recording-First-Frame"] == "0"
    publish(ws, stream_id, 0, 1000)
    assert answer.read(2000) == spelled(0, 1000)
    assert get(p, recording)["consumers"] == 1
    status, _, _, data = post(p, f"/v1/recordings/{recording}:stop")
    assert status == 200 and json.loads(data)["frame_count"] == 1000, data
    assert answer.read() == b""
    connection.close()
    ws.close()
    status, _, headers, data = p.call("HEAD", f"/v1/recordings/{recording}/stream?from=start")
    assert status == 200 and data == b"", status


# T5, T7, K2
def bad_input_names_its_field(p, notes):
    json_type = {"Content-Type": "application/json"}
    for body, code, field in (
            ({"rate": 1}, "INVALID_ARGUMENT", "rate"), ({"channels": 9}, "INVALID_ARGUMENT", "channels"),
            ({"chunk": 63}, "INVALID_ARGUMENT", "chunk"), ({"nonsense": 1}, "INVALID_ARGUMENT", "nonsense"),
            ({"options": {"split": 9}}, "INVALID_ARGUMENT", "options.split"),
            ({"prefixes": ["a b"]}, "INVALID_KEY_PART", "prefixes"), ([], "INVALID_ARGUMENT", "body")):
        error(post(p, "/v1/recordings", body), 400, code, field)
    error(post(p, "/v1/recordings", {"store_format": "ogg"}), 415, "UNSUPPORTED_FORMAT", "store_format")
    error(post(p, "/v1/recordings", b"\xff", headers=json_type), 400, "INVALID_ARGUMENT", "body")
    error(post(p, "/v1/recordings", b"{}", headers={"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    error(post(p, "/v1/recordings", {}, headers={"Idempotency-Key": "\t"}), 400, "INVALID_ARGUMENT", "Idempotency-Key")
    base = f"/v1/recordings/{notes['recording']}"
    for path, status, code, field in (
            ("/segment?from=f:5&to=f:5", 400, "INVALID_ARGUMENT", "to"),
            ("/segment?from=2026-01-02T03:04:05", 400, "INVALID_ARGUMENT", "from"),
            ("/segment?format=ogg", 415, "UNSUPPORTED_FORMAT", "format"),
            ("/segment?rate=7", 400, "INVALID_ARGUMENT", "rate"),
            ("/segment?nonsense=7", 400, "INVALID_ARGUMENT", "nonsense"),
            ("/segment?channels=2&matrix=1", 400, "INVALID_ARGUMENT", "matrix"),
            ("/stream?from=start&chunk_size=1", 400, "INVALID_ARGUMENT", "chunk_size"),
            ("/stream?from=yesterday", 400, "INVALID_ARGUMENT", "from"),
            ("/stream?from=start&framing=loose", 400, "INVALID_ARGUMENT", "framing")):
        error(p.call("GET", base + path), status, code, field)
    error(post(p, f"{base}:marker", {"label": 1}), 400, "INVALID_ARGUMENT", "label")
    error(post(p, f"{base}:marker", {"label": "x"}), 409, "NOT_RECORDING")
    error(post(p, f"{base}:pause"), 409, "NOT_RECORDING")
    error(p.call("GET", "/v1/recordings?state=ASLEEP"), 400, "INVALID_ARGUMENT", "state")
    error(p.call("GET", "/v1/recordings?page_size=501"), 400, "INVALID_ARGUMENT", "page_size")


def another_tenant_finds_nothing(p, notes):
    other = new_key(p, "other")
    base = f"/v1/recordings/{notes['recording']}"
    for method, path in (("GET", ""), ("GET", "/segment"), ("GET", "/stream?from=start"), ("GET", "/peaks"),
                         ("GET", "/notes"), ("DELETE", ""), ("DELETE", "?local=true"), ("POST", ":stop"), ("POST", ":pause"),
                         ("POST", ":resume")):
        error(p.call(method, base + path, key=other), 404, "NOT_FOUND")
    error(post(p, f"{base}:marker", {"label": "x"}, key=other), 404, "NOT_FOUND")
    assert p.json("GET", "/v1/recordings", key=other)["items"] == []
    error(p.call("GET", base, key="no key at all"), 401, "UNAUTHORIZED")
    ws = Socket(p.address, other)
    for kind in ("attach", "subscribe"):
        ws.say(kind, req=kind, session=notes["recording"])
        assert ws.wait("error", lambda m: m["req"] == kind)["code"] == "NOT_FOUND"
    ws.close()


def new_key(p, application, *more):
    return subprocess.run([BIN / "reflection", "keys", "create", application, *more, "--data", f"{p.root}/data"],
                          check=True, capture_output=True, text=True).stdout.split()[-1]


# S5
def devices_need_their_scope(p, notes):
    error(p.call("GET", "/v1/recorder/devices", key=new_key(p, "deaf")), 403, "FORBIDDEN")
    devices = p.json("GET", "/v1/recorder/devices", key=new_key(p, "hears", "--scope", "recorder.device"))["devices"]
    for device in devices:
        assert {"index", "name", "channels", "default_rate", "api", "is_default"} <= set(device), device


def lists_have_pages_and_filters(p, notes):
    for i in range(3):
        start(p, prefixes=["list", str(i % 2)])
    page = p.json("GET", "/v1/recordings?prefix=recordings/list&page_size=2")
    assert len(page["items"]) == 2 and page["next_cursor"], page
    rest = p.json("GET", f"/v1/recordings?prefix=recordings/list&page_size=2&cursor={page['next_cursor']}")
    ids = [item["id"] for item in page["items"] + rest["items"]]
    assert len(set(ids)) == 3 and rest["next_cursor"] is None, (page, rest)
    stored = p.json("GET", "/v1/recordings?state=STORED&prefix=recordings/talk")["items"]
    assert [item["id"] for item in stored] == [notes["recording"]], stored
    one = get(p, ids[0])["requested_at"]
    assert p.json("GET", f"/v1/recordings?prefix=recordings/list&from={one}")["items"][0]["id"] == ids[0]


def a_start_is_done_once(p, notes):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = post(p, "/v1/recordings", {"prefixes": ["once"]}, headers=key)
    again = post(p, "/v1/recordings", {"prefixes": ["once"]}, headers=key)
    assert (first[0], again[0]) == (201, 201) and json.loads(first[3])["id"] == json.loads(again[3])["id"]
    error(post(p, "/v1/recordings", {"prefixes": ["twice"]}, headers=key), 400, "INVALID_ARGUMENT",
          "idempotency_key")
    assert len(p.json("GET", "/v1/recordings?prefix=recordings/once")["items"]) == 1
    notes.update(once=key, once_id=json.loads(first[3])["id"])


def sockets_have_close_codes_and_limits(p, notes):
    def closes_with(code, opcode, payload):
        ws = Socket(p.address, p.key)
        ws.frame(opcode, payload)
        got = ws.wait_close()
        assert got == code, (got, code, payload[:40])
        ws.close()

    ws = Socket(p.address, p.key)
    ws.frame(1, json.dumps({"type": "time", "req": 1, "t0": 5, "filler": "x" * (16384 - 53)}).encode())
    assert ws.wait("time")["t0"] == 5
    ws.frame(1, b"no JSON")
    assert ws.wait("error")["code"] == "BAD_MESSAGE"
    ws.say("sing", req=2)
    assert ws.wait("error")["req"] == 2
    ws.say("start", req=3, rate=1)
    refused = ws.wait("error")
    assert (refused["code"], refused["field"], refused["retryable"]) == ("INVALID_ARGUMENT", "rate", False), refused
    ws.say("start", req=4)
    stream_id = ws.wait("started")["stream_id"]
    ws.publish(stream_id, 0, bytes(4), 3)
    assert ws.wait_close() == 1007, "a payload that does not fit its frames"
    ws.close()
    closes_with(1009, 1, b"x" * 16385)
    closes_with(1009, 2, bytes(65537))
    closes_with(1007, 2, bytes(15))
    closes_with(1007, 1, b"\xff")
    ws = Socket(p.address, p.key)
    ws.frame(2, struct.pack("<BBHIQ", 1, 0, 9, 32760, 0) + bytes(65520))
    ws.say("time", t0=1)
    ws.wait("time")
    ws.close()


def a_client_that_does_not_read_is_sent_away(p, notes):
    ws = Socket(p.address, p.key)
    message = json.dumps({"type": "time", "req": "x" * 16000}).encode()
    ws.press(1, message, lambda: p.has_logged("a client of a socket does not read"))
    ws.inbox = collections.deque(maxlen=1)
    assert ws.wait_close() == 1013
    ws.close()


def sockets_need_a_key_or_a_ticket_that_is_used_once(p, notes):
    def refused(status, **how):
        try:
            Socket(p.address, **how).close()
        except Refused as no:
            assert no.status == status, (no.status, how)
        else:
            raise AssertionError(f"a socket for {how}")

    refused(401)
    refused(401, key="rk_nothing")
    refused(403, key=p.key, origin="https://elsewhere.example")
    ticket = p.json("POST", "/v1/socket-tickets", {"path": "/ws/recorder"})["ticket"]
    Socket(p.address, query=f"?ticket={ticket}").close()
    refused(401, query=f"?ticket={ticket}")


# O3: clearing moves the lower bound alone
def deleting_gives_up_what_is_stored(p, notes):
    base = f"/v1/recordings/{notes['recording']}"
    assert p.call("DELETE", f"{base}?local=true")[0] == 204
    available = error(p.call("GET", f"{base}/segment"), 416, "NO_AUDIO")["available"]
    assert available["from_frame"] == available["to_frame"] == 4 * RATE, available
    assert get(p, notes["recording"])["state"] == "STORED"
    status, _, headers, data = p.call("DELETE", base)
    assert (status, data, headers["Content-Length"]) == (204, b"", None), (status, data)
    error(p.call("GET", base), 410, "GONE")
    error(p.call("DELETE", base), 410, "GONE")
    error(p.call("GET", "/v1/recordings/" + "0" * 32), 404, "NOT_FOUND")
    error(p.call("GET", "/v1/recordings/nothing"), 404, "NOT_FOUND")
    assert list(pathlib.Path(p.root, "data/objects/recorder").rglob("*.flac")) == []


# D8, D11
def what_cannot_be_stored_is_pending_and_kept_until_it_is_given_up(p, notes):
    recording = start(p, prefixes=["pend"])["id"]
    tenant = next(f for f in pathlib.Path(p.root, "data/objects/recorder").iterdir())
    (tenant / "recordings" / "pend").write_text("in the way of a folder")
    answer = post(p, f"/v1/recordings/{recording}:stop")
    assert error(answer, 202, "STORE_FAILED")["retryable"] is True
    assert int(answer[2]["Retry-After"]) >= 1, answer[2]
    assert get(p, recording)["state"] == "PENDING"
    error(p.call("DELETE", f"/v1/recordings/{recording}"), 409, "ALREADY_RECORDING")
    error(p.call("DELETE", f"/v1/recordings/{recording}?discard=true&local=true"), 400, "INVALID_ARGUMENT", "discard")
    for _ in range(100):  # 409 while a retry is at work
        if p.call("DELETE", f"/v1/recordings/{recording}?discard=true")[0] == 204:
            break
        time.sleep(0.02)
    error(p.call("GET", f"/v1/recordings/{recording}"), 410, "GONE")


def documents_describe_it(p, notes):
    paths = p.json("GET", "/openapi.json", key="")["paths"]
    assert "202" in paths["/recordings/{recording}:stop"]["post"]["responses"]
    channel = p.json("GET", "/recorder/asyncapi.json", key="")["channels"]["recorder"]
    assert channel["address"] == "/ws/recorder" and "subscribe" in channel["messages"]


def a_silent_client_is_dropped(p, notes):
    """Its socket was opened at the start, and has answered no ping since."""
    pings = 0
    try:
        while True:
            opcode, _ = notes["silent"].read_frame()
            pings += opcode == 9
    except Closed as closed:
        assert (closed.code, pings) == (1006, 2), (closed, pings)


def a_jam_is_recorded_with_its_control_log(p, notes):
    error(p.call("GET", f"/v1/recordings/{notes['recording']}/notes"), 404, "NOT_FOUND")
    ws = Socket(p.address, p.ready["api_key"], path="/ws/jam")
    ws.say("start", params={"pace": "asap", "max_decode_frames": 10, "seed": 3, "record": {"name": "rest"}})
    heard, recording, n_chunks = bytearray(), None, 0
    while recording is None or n_chunks < 5:
        opcode, payload = ws.read_frame()
        message = json.loads(payload)
        if message["type"] == "chunk":
            heard += base64.b64decode(message["audio_base64"])[58:][:10 * 1920 * 8]
            n_chunks += 1
        elif message["type"] == "status" and message.get("recording", {}).get("state") == "recording":
            recording = message["recording"]
    ws.say("stop")
    while True:
        opcode, payload = ws.read_frame()
        if opcode == 8:
            break
        message = json.loads(payload)
        if message["type"] == "chunk":
            heard += base64.b64decode(message["audio_base64"])[58:][:10 * 1920 * 8]
    base = f"/v1/recordings/{recording['id']}"
    for _ in range(500):
        status, _, _, data = p.call("GET", f"{base}/notes")
        if status == 200:
            break
        time.sleep(0.02)
    log = json.loads(data)
    assert log["name"] == "rest" and log["seed"] == 3 and log["key"] == recording["key"], log
    assert log["samples"] * 8 == len(heard) and log["missing"] == [], (log["samples"], len(heard))
    status, _, _, pcm = p.call("GET", f"{base}/segment?format=pcm")
    assert status == 200 and pcm == bytes(heard), (status, len(pcm))


def a_recorder_that_is_down_takes_nothing_else_with_it(p, notes):
    os.kill(p.ready["pids"]["recorder"], 19)  # SIGSTOP
    try:
        for path in ("/health", "/readyz", "/v1/application"):
            assert p.call("GET", path)[0] == 200, path
    finally:
        os.kill(p.ready["pids"]["recorder"], 9)
    status, _, headers, _ = p.call("GET", "/v1/recordings")
    assert status == 200 or (status == 503 and headers["Retry-After"]), status
    for _ in range(100):
        if p.call("GET", "/v1/recordings")[0] == 200:
            break
        time.sleep(0.05)
    again = json.loads(post(p, "/v1/recordings", {"prefixes": ["once"]}, headers=notes["once"])[3])
    assert again["id"] == notes["once_id"], again


if __name__ == "__main__":
    run_checks((
        a_broken_stream_is_kept_heard_and_stored, cuts_are_exact, peaks_are_those_of_the_frames,
        a_stream_over_http_has_a_trailer, a_live_stream_begins_before_its_first_frame, bad_input_names_its_field,
        another_tenant_finds_nothing, devices_need_their_scope, lists_have_pages_and_filters, a_start_is_done_once,
        sockets_have_close_codes_and_limits, a_client_that_does_not_read_is_sent_away,
        sockets_need_a_key_or_a_ticket_that_is_used_once,
        what_cannot_be_stored_is_pending_and_kept_until_it_is_given_up, documents_describe_it,
        a_jam_is_recorded_with_its_control_log,
        deleting_gives_up_what_is_stored, a_silent_client_is_dropped,
        a_recorder_that_is_down_takes_nothing_else_with_it), {},
        settings=("recorder.stop_wait_s=1", "recorder.ping_s=1"))
