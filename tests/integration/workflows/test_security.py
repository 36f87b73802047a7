"""What section 9 of the job specification promises to whoever runs the platform, looked at from outside
through real jobs: S1, S7, S8, S9, S10 and S11, and what section 7 says to a client about bad inputs."""
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True  # nothing beside the sources
from raw_platform import BIN, FINAL, run_checks

NOT_AUDIO = "The input is not a supported audio file."
SECRET = "a-parameter-that-is-nobodys-business"


class Canary(threading.Thread):
    """Listens where hostile files point to, and counts who comes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/canary.wav"
        self.visits = 0

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            self.visits += 1
            connection.close()


def hostile(url):
    """Files that name further files, or are no audio at all."""
    here = "/etc/passwd"
    return {
        "m3u8 playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "m3u8 playlist of a local file": f"#EXTM3U\n#EXTINF:1,\nfile://{here}\n#EXT-X-ENDLIST\n",
        "pls playlist": f"[playlist]\nFile1={url}\nNumberOfEntries=1\nVersion=2\n",
        "ffconcat list": f"ffconcat version 1.0\nfile '{url}'\nfile '{here}'\n",
        "asx playlist": f"<asx version='3.0'><entry><ref href='{url}'/></entry></asx>",
        "dash manifest": f"<?xml version='1.0'?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>",
        "sdp description": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\na=control:{url}\n",
        "svg picture": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/></svg>",
        "text": "this is no audio\n",
        "one byte": "x",
        "html page": "<!doctype html><title>Not found</title>",
    }


def expect_bad_input(p, what, url, message):
    job_id = p.json("POST", "/v1/job", {"name": what, "workflow": "music-ai/extract-beat-map-and-bpm",
                                        "params": {"inputUrl": url, "note": SECRET}})["id"]
    job = p.wait(job_id)
    assert job["status"] == "FAILED", (what, job)
    assert job["error"] == {"code": "BAD_INPUT", "title": "Invalid input", "message": message}, \
        (what, job["error"])
    assert job["result"] is None, what


# F4
def s11_files_that_name_others_are_refused_and_nothing_is_fetched(p, canary):
    for what, text in hostile(canary.url).items():
        expect_bad_input(p, what, p.upload(text.encode()), NOT_AUDIO)
    expect_bad_input(p, "empty file", p.upload(b""), NOT_AUDIO)
    assert canary.visits == 0, f"{canary.visits} connections"


# F1
def s1_inside_addresses_are_refused_with_one_text(p, canary):
    port = urllib.parse.urlsplit(canary.url).port
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]",
                 "10.0.0.1", "169.254.169.254", "name.invalid"):
        expect_bad_input(p, host, f"http://{host}:{port}/x.wav", "The input could not be downloaded.")
    assert canary.visits == 0, f"{canary.visits} connections"


def s7_another_applications_things_do_not_exist(p, canary):
    url = p.upload()
    job = p.create(url)
    data = pathlib.Path(p.ready["ca_file"]).parent.parent
    other = subprocess.run([str(BIN / "reflection"), "keys", "create", "other", "--data",
                            str(data)], capture_output=True, text=True, check=True).stdout.strip()
    unknown = p.call("GET", "/v1/job/00000000-0000-4000-8000-000000000000", key=other)
    for method, path in (("GET", f"/v1/job/{job}"), ("GET", f"/v1/job/{job}/status"),
                         ("DELETE", f"/v1/job/{job}")):
        status, reason, _, body = p.call(method, path, key=other)
        assert (status, reason, body) == (unknown[0], unknown[1], unknown[3]), (method, status, body)
    assert p.json("GET", "/v1/job", key=other) == []
    theirs = p.json("POST", "/v1/job", {"name": "n", "workflow": "sdk-test", "params": {"file": url}},
                    key=other)["id"]
    for _ in range(300):
        answer = p.json("GET", f"/v1/job/{theirs}", key=other)
        if answer["status"] in FINAL:
            break
        time.sleep(0.1)
    assert answer["error"]["message"] == "File not found.", answer


def s8_a_url_is_good_for_one_method_one_path_and_its_time(p, canary):
    urls = p.json("GET", "/v1/upload")
    put, get = (urllib.parse.urlsplit(urls[k]) for k in ("uploadUrl", "downloadUrl"))
    wrong = {
        "a PUT URL reads": ("GET", f"{put.path}?{put.query}"),
        "a GET URL writes": ("PUT", f"{get.path}?{get.query}"),
        "another path": ("GET", f"{get.path[:-1]}0?{get.query}"),
        "a later expiry": ("GET", f"{get.path}?{get.query.replace('e=', 'e=9', 1)}"),
        "another key": ("GET", f"{get.path}?{get.query.replace('k=', 'k=7', 1)}"),
        "another signature": ("GET", f"{get.path}?{get.query[:-2]}xx"),
        "no signature": ("GET", get.path),
    }
    for what, (method, path) in wrong.items():
        status, *_ = p.call(method, path, b"x" if method == "PUT" else None, key="")
        assert status in (403, 404), (what, status)
    status, *_ = p.call("PUT", f"{put.path}?{put.query}", b"bytes", key="")
    assert status == 200, "and the right one works still"


def s9_a_revoked_key_stops_within_a_minute(p, canary):
    data = pathlib.Path(p.ready["ca_file"]).parent.parent
    run = lambda *args: subprocess.run([str(BIN / "reflection"), "keys", *args, "--data",
                                        str(data)], capture_output=True, text=True, check=True).stdout
    key = run("create", "leaving").strip()
    assert p.call("GET", "/v1/application", key=key)[0] == 200
    key_id = next(line.split()[0] for line in run("list").splitlines() if " leaving " in line)
    run("revoke", key_id)
    end = time.monotonic() + 60
    while p.call("GET", "/v1/application", key=key)[0] != 401:
        assert time.monotonic() < end, "the key works after a minute"
        time.sleep(0.5)


def s10_no_secret_is_in_the_logs_and_no_users_text_on_the_disk(p, canary):
    log = (p.root / "log").read_text(errors="replace")
    for secret in (p.key, SECRET, "Authorization", "&s=", "?e="):
        assert secret not in log, f"{secret} is in the log"
    names = [path.name for path in (p.root / "data" / "objects").rglob("*") if path.is_file()]
    assert names
    for name in names:
        assert "demo" not in name and ".wav" not in name and "quirk" not in name, name


def main():
    checks = [s11_files_that_name_others_are_refused_and_nothing_is_fetched,
              s1_inside_addresses_are_refused_with_one_text,
              s7_another_applications_things_do_not_exist,
              s8_a_url_is_good_for_one_method_one_path_and_its_time,
              s9_a_revoked_key_stops_within_a_minute,
              s10_no_secret_is_in_the_logs_and_no_users_text_on_the_disk]
    canary = Canary()
    canary.start()
    run_checks(checks, canary)


if __name__ == "__main__":
    main()
