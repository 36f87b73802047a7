"""A platform of a test's own, spoken to by raw requests: every byte of an answer can be looked at."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

BIN = pathlib.Path(os.environ["REFLECTION_BIN"])
BYTES = b"RIFF" + bytes(range(256)) * 40
FINAL = ("SUCCEEDED", "FAILED")


class Platform:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        ready = self.root / "ready.json"
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen(
            [str(BIN / "reflection"), "up", "--data", f"{root}/data", "--http", "127.0.0.1:0",
             "--https", "127.0.0.1:0", "--ready-file", str(ready)], stdout=subprocess.DEVNULL, stderr=self.log)
        for _ in range(1200):
            if ready.exists() or self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.ready = json.loads(ready.read_text())
        self.key = self.ready["api_key"]
        self.address = urllib.parse.urlsplit(self.ready["http_url"]).netloc
        self.secure = urllib.parse.urlsplit(self.ready["https_url"]).netloc

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, method, path, body=None, headers=None, key=None):
        """Status, reason, headers and body of one call on a connection of its own (Q11)."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        sent = {"Authorization": self.key if key is None else key, **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.reason, answer.headers, data

    def json(self, method, path, body=None, **more):
        status, _, headers, data = self.call(method, path, body, **more)
        assert status == 200, f"{method} {path}: {status} {data[:200]}"
        assert headers["Content-Type"].startswith("application/json"), headers
        return json.loads(data)

    def upload(self, data=BYTES):
        urls = self.json("GET", "/v1/upload")
        put = urllib.parse.urlsplit(urls["uploadUrl"])
        status, *_ = self.call("PUT", f"{put.path}?{put.query}", data, key="")
        assert status == 200, status
        return urls["downloadUrl"]

    def create(self, url, **more):
        body = {"name": "quirk", "workflow": "sdk-test", "params": {"file": url}, **more}
        return self.json("POST", "/v1/job", body)["id"]

    def wait(self, job_id):
        """As the SDKs do: polls the status until it is final, and stops at the first error."""
        for _ in range(600):
            answer = self.json("GET", f"/v1/job/{job_id}/status")
            assert set(answer) == {"id", "status"} and answer["id"] == job_id, answer
            if answer["status"] in FINAL:
                return self.json("GET", f"/v1/job/{job_id}")
            time.sleep(0.1)
        raise TimeoutError(f"job {job_id} is not final")

    def download(self, url):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection(
            self.secure, timeout=30, context=ssl.create_default_context(cafile=self.ready["ca_file"]))
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, answer.status
        return data


def run_checks(name, checks, *arguments):
    """Calls every check with a platform and the arguments, whatever became of those before, and exits
    with 0 if all hold."""
    root = tempfile.mkdtemp(prefix=f"reflection-{name}-")
    failed = 0
    platform = Platform(root)
    try:
        for check in checks:
            try:
                check(platform, *arguments)
                print(f"ok    {check.__name__}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL  {check.__name__}: {type(error).__name__}: {error}", flush=True)
    finally:
        platform.close()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if failed else 0)
