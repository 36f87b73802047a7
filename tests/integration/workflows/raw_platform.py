"""A platform of a test's own, spoken to by raw requests: every byte of an answer can be looked at."""
import http.client
import json
import pathlib
import ssl
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "servers"))
import rf_platform  # noqa: E402
from rf_platform import BIN  # noqa: E402,F401

BYTES = b"RIFF" + bytes(range(256)) * 40
FINAL = ("SUCCEEDED", "FAILED")


class Platform(rf_platform.Platform):
    """Every call of it is on a connection of its own."""

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
            self.secure, timeout=30, context=ssl.create_default_context(cafile=self.ca_file))
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, answer.status
        return data


def run_checks(checks, *arguments, settings=()):
    """Calls every check with a platform and the arguments, and exits with 0 if all hold."""
    with Platform(*settings) as platform:
        code = rf_platform.run_checks(checks, platform, *arguments)
        if code != 0:
            platform.tell_log()
    sys.exit(code)
