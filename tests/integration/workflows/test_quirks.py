"""What the published SDKs are known to do (spec jobs.md section 3), one check a quirk, by raw requests
to a platform that runs a real job: every byte of an answer can be looked at."""
import concurrent.futures
import http.client
import json
import re
import ssl
import sys
import urllib.parse
import uuid

sys.dont_write_bytecode = True  # nothing beside the sources
from raw_platform import BYTES, run_checks

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


# G3
def q1_every_success_is_200_with_json(p):
    """JS takes any other status for an error; Python parses JSON from every answer, DELETE too."""
    job_id = p.create("https://music.ai/demo.ogg")
    for method, path in (("GET", "/v1/application"), ("GET", "/v1/upload"), ("GET", "/v1/workflow"),
                         ("GET", "/v1/job"), ("GET", f"/v1/job/{job_id}"),
                         ("GET", f"/v1/job/{job_id}/status"), ("DELETE", f"/v1/job/{job_id}")):
        p.json(method, path)


def q2_ids_are_uuids_of_version_4(p):
    ids = [p.json("GET", "/v1/application")["id"], p.create("https://h/x")]
    ids += [w["id"] for w in p.json("GET", "/v1/workflow")["workflows"]]
    ids += [urllib.parse.urlsplit(p.json("GET", "/v1/upload")["uploadUrl"]).path.split("/")[-1]]
    for one in ids:
        assert UUID4.fullmatch(one) and uuid.UUID(one).version == 4, one


# U6
def q3_result_urls_begin_with_https_and_end_with_output_and_extension(p):
    result = p.wait(p.create(p.upload()))["result"]
    assert result, "an object with values"
    for output, value in result.items():
        assert isinstance(value, str) and value.startswith("https://"), value
        segment = urllib.parse.urlsplit(value).path.split("/")[-1]
        name, dot, extension = segment.rpartition(".")
        assert dot and re.fullmatch(r"[a-z0-9]{1,5}", extension), segment
        assert urllib.parse.unquote(name, errors="strict") == output, segment
        assert p.download(value) == BYTES


def q4_a_result_is_an_object_and_every_workflow_makes_a_file(p):
    for workflow in p.json("GET", "/v1/workflow")["workflows"]:
        formats = [output["format"] for output in workflow["outputs"]["properties"].values()]
        assert any(f != "string" for f in formats), workflow["slug"]
    job_id = p.create("https://music.ai/demo.ogg")
    assert p.json("GET", f"/v1/job/{job_id}")["result"] is None, "until it succeeded"


def q5_polls_have_a_limit_of_their_own(p):
    """Polling each second for ever must not be stopped by an error: 600 polls in a row."""
    job_id = p.create("https://music.ai/demo.ogg")
    connection = http.client.HTTPConnection(p.address, timeout=30)
    for _ in range(600):
        connection.request("GET", f"/v1/job/{job_id}/status", headers={"Authorization": p.key})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    connection.close()


# F3, U3
def q6_uploads_are_never_redirected_and_a_missing_one_fails_the_job(p):
    """JS uploads a stream, chunked, cannot follow a redirect, and ignores the answer of the PUT."""
    urls = p.json("GET", "/v1/upload")
    put = urllib.parse.urlsplit(urls["uploadUrl"])
    status, *_ = p.call("PUT", f"{put.path}?{put.query}", iter([BYTES[:100], BYTES[100:]]), key="")
    assert status == 200, status
    job = p.wait(p.create(urls["downloadUrl"]))
    assert p.download(next(iter(job["result"].values()))) == BYTES
    never_put = p.json("GET", "/v1/upload")["downloadUrl"]
    job = p.wait(p.create(never_put))
    assert job["status"] == "FAILED" and job["result"] is None, job
    assert job["error"] == {"code": "BAD_INPUT", "title": "Invalid input",
                            "message": "File not found."}, job["error"]


def q7_prefixes_double_slashes_and_bare_question_marks(p):
    wanted = p.json("GET", "/v1/application")
    for path in ("/api/application", "/v1//application", "//v1/application", "/api/application?",
                 "/v1/application?"):
        assert p.json("GET", path) == wanted, path
    bare, doubled = ([job["id"] for job in p.json("GET", path)] for path in ("/v1/job?", "/api//job"))
    assert bare and bare == doubled
    assert p.json("GET", "/v1/workflow?") == p.json("GET", "/api/workflow")


# G5
def q8_a_wrong_key_is_told_in_a_message_and_a_reason(p):
    bodies = set()
    for key in ("", "undefined", "Bearer undefined", "rk_" + "A" * 32, f"{p.key}x"):
        status, reason, _, data = p.call("GET", "/v1/job", key=key)
        assert status == 401 and reason, (status, reason)
        body = json.loads(data)
        assert set(body) == {"code", "title", "message"} and body["code"] == "UNAUTHORIZED", body
        assert all(isinstance(v, str) and v for v in body.values()), body
        bodies.add(data)
    assert len(bodies) == 1, "one body for missing, unknown and revoked keys"
    assert p.json("GET", "/v1/application", key=f"bEARER {p.key}") == p.json("GET", "/v1/application")


def q9_the_whole_job_may_stand_under_name(p):
    inner = {"name": "inner", "workflow": "sdk-test", "params": {"file": "https://h/x"}}
    job_id = p.json("POST", "/v1/job", {"name": inner})["id"]
    job = p.json("GET", f"/v1/job/{job_id}")
    assert job["name"] == "inner" and job["workflow"] == "sdk-test", job
    assert job["workflowParams"] == inner["params"], job
    status, *_ = p.call("POST", "/v1/job", {"name": inner, "workflow": "sdk-test", "params": {}})
    assert status == 400, "only where the workflow is missing"


def q10_absent_members_are_fine_and_numbers_may_be_strings(p):
    job_id = p.create("https://h/x")
    assert p.json("GET", f"/v1/job/{job_id}")["metadata"] == {}
    params = {"inputUrl": "https://h/x", "format": "mp3", "sampleRate": "44100", "bitrate": "128"}
    body = {"name": "n", "workflow": "reflection/convert", "params": params}
    job_id = p.json("POST", "/v1/job", body)["id"]
    assert p.json("GET", f"/v1/job/{job_id}")["workflowParams"] == params, "as they were given"
    body["params"] = {**params, "sampleRate": "fast"}
    status, _, _, data = p.call("POST", "/v1/job", body)
    assert status == 422 and b"sampleRate" in data, data


# U7
def q11_many_downloads_at_once_and_short_connections(p):
    result = p.wait(p.create(p.upload()))["result"]
    url = next(iter(result.values()))
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for data in pool.map(lambda _: p.download(url), range(96)):
            assert data == BYTES
    for output in result:
        assert "." not in output, "files named after outputs do not meet result.json"


def q12_example_urls_and_unknown_slugs_are_answered(p):
    for url in ("https://your-server.com/audio-input.m4a", "http://example.invalid/a.wav"):
        assert UUID4.fullmatch(p.create(url))
    assert p.json("GET", "/v1/job?workflow=no-such-workflow&status=SUCCEEDED") == []
    assert p.json("GET", "/v1/job?batchName=none") == []
    assert p.json("GET", "/v1/job?page=1000") == []
    status, *_ = p.call("GET", "/v1/job?status=SUCCEEDED,FAILED")
    assert status == 400, "a string for a list shows"


def q13_downloads_verify_the_certificate(p):
    url = next(iter(p.wait(p.create(p.upload()))["result"].values()))
    parts = urllib.parse.urlsplit(url)
    for host in ("127.0.0.1", "localhost"):
        connection = http.client.HTTPSConnection(
            host, int(p.secure.rpartition(":")[2]), timeout=30,
            context=ssl.create_default_context(cafile=p.ready["ca_file"]))
        connection.request("GET", f"{parts.path}?{parts.query}")
        assert connection.getresponse().read() == BYTES, host
        connection.close()
    stranger = http.client.HTTPSConnection(p.secure, timeout=30,
                                           context=ssl.create_default_context())
    try:
        stranger.connect()
    except ssl.SSLCertVerificationError:
        return
    raise AssertionError("a client that does not know the authority was served")


def main():
    checks = [f for name, f in globals().items() if re.match(r"q\d+_", name)]
    assert len(checks) == 13
    run_checks(checks)


if __name__ == "__main__":
    main()
