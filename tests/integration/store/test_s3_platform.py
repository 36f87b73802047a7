"""The platform with its objects in an S3 bucket: uploads, jobs, results and recordings go there and
nowhere else, also while the server fails, and wrong settings end `reflection up` with their name."""
import array
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True  # nothing beside the sources
here = pathlib.Path(__file__).resolve().parent
sys.path += [str(here.parent / "workflows"), str(here.parent / "recorder")]
from raw_platform import BIN, run_checks
from socket_client import Socket

URL = os.environ["STORE_URL"]
BUCKET = pathlib.Path(os.environ["S3_FOLDER"])
LARGE = bytes(array.array("I", range(5 << 20)))  # 20 MiB: three parts
RATE = 16000


def server(line):
    """What the server's method of that line returns, as text."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.environ["REFLECTION_SERVER"])
        s.sendall(line.encode() + b"\n")
        answer = s.makefile().readline().strip()
    assert answer.startswith("ok"), answer
    return answer[3:]


def objects(below):
    """The files of the bucket, but those that the server has for itself."""
    return [f for f in (BUCKET / below).rglob("*") if f.is_file() and ".sgwtmp" not in f.parts]


def secure(p, method, url, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(
        p.secure, timeout=60, context=ssl.create_default_context(cafile=p.ready["ca_file"]))
    connection.request(method, f"{parts.path}?{parts.query}", headers=headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer, data


def ranges_hold(p, url, data):
    """The whole, its parts and what lies outside (jobs.md 2.2), over TLS and in the clear."""
    assert p.download(url) == data
    for field, status, want in (("bytes=0-0", 206, data[:1]), ("bytes=9000000-9000999", 206, data[9000000:9001000]),
                                ("bytes=-7", 206, data[-7:]), (f"bytes={len(data) - 3}-", 206, data[-3:]),
                                (f"bytes={len(data)}-", 416, None)):
        answer, got = secure(p, "GET", url, {"Range": field})
        assert answer.status == status and (want is None or got == want), (field, answer.status, len(got))
    parts = urllib.parse.urlsplit(url)
    status, _, headers, got = p.call("GET", f"{parts.path}?{parts.query}", headers={"Range": "bytes=1-5"}, key="")
    assert (status, got) == (206, data[1:6])
    answer, got = secure(p, "HEAD", url)
    assert (answer.status, answer.headers["Content-Length"], got) == (200, str(len(data)), b"")


def a_file_goes_through_a_job_and_comes_back(p):
    url = p.upload(LARGE)
    ranges_hold(p, url, LARGE)
    assert [f.stat().st_size for f in objects("uploads")] == [len(LARGE)], objects("uploads")
    job = p.wait(p.create(url))
    assert job["status"] == "SUCCEEDED", job
    ranges_hold(p, job["result"]["file"], LARGE)
    assert not (pathlib.Path(p.root) / "data" / "objects").exists(), "objects lie in the data directory"
    p.json("DELETE", f"/v1/job/{job['id']}")
    answer, _ = secure(p, "GET", job["result"]["file"])
    assert answer.status == 404, answer.status


def an_upload_that_breaks_off_leaves_nothing(p):
    before = len(objects("uploads"))
    put = urllib.parse.urlsplit(p.json("GET", "/v1/upload")["uploadUrl"])
    connection = http.client.HTTPConnection(p.address, timeout=30)
    connection.putrequest("PUT", f"{put.path}?{put.query}")
    connection.putheader("Content-Length", str(len(LARGE)))
    connection.endheaders()
    connection.send(LARGE[:len(LARGE) // 2])
    connection.close()
    status, *_ = p.call("PUT", f"{put.path}?{put.query}", LARGE, key="")
    assert status == 200, "a truncated one leaves the URL usable"
    assert len(objects("uploads")) == before + 1


def a_failing_server_is_waited_for(p):
    server("fault PUT 3 reset 100000")
    url = p.upload(LARGE)
    server("fault GET 2 lose 5000")
    assert p.download(url) == LARGE
    server("fault ANY 4 status 503 SlowDown")
    job = p.wait(p.create(url))
    assert job["status"] == "SUCCEEDED", job
    assert p.download(job["result"]["file"]) == LARGE


def a_server_that_is_down_is_503_until_it_is_back(p):
    url = p.upload()
    put = urllib.parse.urlsplit(p.json("GET", "/v1/upload")["uploadUrl"])
    server("kill")
    status, _, headers, data = p.call("PUT", f"{put.path}?{put.query}", b"x" * 1000, key="")
    assert (status, headers["Retry-After"]) == (503, "5"), (status, data)
    get = urllib.parse.urlsplit(url)
    status, *_ = p.call("GET", f"{get.path}?{get.query}", key="")
    assert status == 503, status
    server("start")
    status, *_ = p.call("PUT", f"{put.path}?{put.query}", b"x" * 1000, key="")
    assert status == 200, status
    assert p.wait(p.create(url))["status"] == "SUCCEEDED"


def a_recording_waits_for_a_server_that_is_down(p):
    recording = start(p)
    ws = Socket(p.address, p.key)
    ws.say("attach", req=1, session=recording)
    stream_id = ws.wait("attached")["stream_id"]
    ws.publish(stream_id, 0, bytes(2 * 320), 320)
    ws.wait("ack", lambda m: m["frames_durable"] == 320)
    server("kill")
    ws.say("stop", req=2, stream_id=stream_id, last_frame=320)
    ws.close()
    assert p.json("GET", f"/v1/recordings/{recording}")["state"] != "STORED"
    server("start")
    wait_until_empty(lambda: p.json("GET", f"/v1/recordings/{recording}")["state"] != "STORED")
    assert len([f for f in objects("recorder") if f.suffix == ".flac"]) == 1, objects("recorder")
    assert p.call("DELETE", f"/v1/recordings/{recording}")[0] in (200, 204)


def wait_until_empty(what):
    for _ in range(600):
        if not what():
            return
        time.sleep(0.05)
    raise TimeoutError(f"{what()} stays")


def start(p):
    status, _, _, data = p.call("POST", "/v1/recordings",
                                {"rate": RATE, "channels": 1, "store_format": "flac", "prefixes": ["talk"],
                                 "options": {"master_keep_s": 0}})
    assert status == 201, data
    return json.loads(data)["id"]


def a_recording_is_stored_cut_and_deleted(p):
    recording = start(p)
    ws = Socket(p.address, p.key)
    ws.say("attach", req=1, session=recording)
    stream_id = ws.wait("attached")["stream_id"]
    pcm = array.array("H", [i & 0xffff for i in range(4 * RATE)]).tobytes()
    for at in range(0, 4 * RATE, 320):
        ws.publish(stream_id, at, pcm[2 * at:2 * (at + 320)], 320)
    ws.say("stop", req=2, stream_id=stream_id, last_frame=4 * RATE)
    assert ws.wait("stopped")["segment"]["frame_count"] == 4 * RATE
    ws.close()
    audio = [f for f in objects("recorder") if f.suffix == ".flac" and not f.name.startswith(".")]
    assert len(audio) == 1, objects("recorder")
    masters = pathlib.Path(p.root) / "data" / "recorder" / "masters"
    wait_until_empty(lambda: [f for f in masters.rglob("*") if f.is_file()])  # the store alone has it
    status, _, _, data = p.call("GET", f"/v1/recordings/{recording}/segment?from=f:100&to=f:1100")
    assert (status, data) == (200, pcm[200:2200]), (status, data[:200])
    assert p.call("DELETE", f"/v1/recordings/{recording}")[0] in (200, 204)
    wait_until_empty(lambda: objects("recorder"))


def wrong_settings_end_up_with_their_name(p):
    with tempfile.TemporaryDirectory(prefix="rf") as data:
        for url, why in ((URL.replace("//reflection", "//no-such-bucket", 1), "no such bucket"),
                         (URL + "&profile=nobody", "no credentials"),
                         ("s3://reflection?endpoint=http://127.0.0.1:1&timeout=1", "credentials"),
                         ("s3://reflection?endpoint=nowhere", "endpoint"), ("s3://x", "bucket")):
            done = subprocess.run([BIN / "reflection", "up", "--data", data, "--http", "127.0.0.1:0", "--https",
                                   "127.0.0.1:0", "--store", url], capture_output=True, text=True, timeout=60,
                                  env={"HOME": "/nowhere", "REFLECTION_BIN": str(BIN)}, check=False)
            assert done.returncode != 0 and "store.url" in done.stderr and why in done.stderr, (url, done)
            assert "secret" not in done.stderr, done.stderr


run_checks([a_file_goes_through_a_job_and_comes_back, an_upload_that_breaks_off_leaves_nothing,
            a_failing_server_is_waited_for, a_server_that_is_down_is_503_until_it_is_back,
            a_recording_is_stored_cut_and_deleted, a_recording_waits_for_a_server_that_is_down,
            wrong_settings_end_up_with_their_name],
           settings=(f"store.url={URL}&timeout=4",))
