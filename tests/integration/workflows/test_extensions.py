"""Extensions of the job calls (spec jobs.md section 5), one check a row, by raw requests to a platform
that runs real jobs. Each is asked for under both prefixes where that makes a difference."""
import http.server
import json
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True  # nothing beside the sources
from raw_platform import BYTES, run_checks


def document(slug="acme/copy", **more):
    return {"slug": slug, "name": "Copy", "description": "", "pool": "cpu", "deterministic": True,
            "inputs": {"file": {"type": "url", "required": True}},
            "modules": [{"id": "c", "use": "copy", "in": {"url": "$file"}}],
            "outputs": {"file": {"from": "c.file", "format": "auto"}}, **more}


def error(p, method, path, body, status):
    got, _, _, data = p.call(method, path, body)
    answer = json.loads(data)
    assert got == status, f"{method} {path}: {got} {answer}"
    assert set(answer) == {"code", "title", "message"}, answer
    return answer


# H5
def workflows_are_posted_used_replaced_and_deleted(p):
    made = p.json("POST", "/api/workflow", document())
    assert set(made) == {"id", "name", "slug", "description", "createdAt", "updatedAt", "inputs", "outputs"}, made
    assert p.json("POST", "/v1/workflow", document()) == made, "an equal document changes nothing"
    assert error(p, "POST", "/v1/workflow", document(name="Other"), 409)["code"] == "CONFLICT"
    new = p.json("POST", "/v1/workflow", document(name="Other", replace=True))
    assert new["id"] == made["id"] and new["name"] == "Other", new
    assert [w["slug"] for w in p.json("GET", "/api/workflow")["workflows"]][-1] == "acme/copy"
    job = p.wait(p.create(p.upload(), workflow="acme/copy"))
    assert job["status"] == "SUCCEEDED" and p.download(job["result"]["file"]) == BYTES, job
    assert p.json("DELETE", f"/v1/workflow/{made['id']}") == {"id": made["id"]}
    error(p, "DELETE", f"/v1/workflow/{made['id']}", None, 404)
    error(p, "POST", "/v1/job", {"name": "n", "workflow": "acme/copy", "params": {"file": "https://h/x"}}, 404)


# H7
def a_bad_workflow_gets_422_that_names_the_key(p):
    answer = error(p, "POST", "/v1/workflow", document(pool="tpu"), 422)
    assert answer["code"] == "UNPROCESSABLE" and "'pool'" in answer["message"], answer
    assert "reserved" in error(p, "POST", "/v1/workflow", document("music-ai/x"), 422)["message"]
    error(p, "POST", "/v1/workflow", [], 400)
    error(p, "DELETE", "/v1/workflow/x", None, 404)


# X9
def workflows_say_their_inputs_and_outputs_as_json_schemas(p):
    for workflow in p.json("GET", "/v1/workflow")["workflows"]:
        for part in ("inputs", "outputs"):
            schema = workflow[part]
            assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", workflow
            assert schema["type"] == "object" and isinstance(schema["properties"], dict), workflow
        for name, output in workflow["outputs"]["properties"].items():
            assert output["name"] == name and output["format"], workflow
            assert ("contentSchema" in output) == (output["format"] == "json"), (workflow["slug"], name)


# R5, H5
def only_dead_letters_are_redriven(p):
    job = p.wait(p.create(p.upload()))
    assert error(p, "POST", f"/v1/job/{job['id']}/redrive", None, 409)["code"] == "CONFLICT"
    error(p, "POST", f"/api/job/{job['id']}/redrive", {}, 409)
    error(p, "POST", "/v1/job/00000000-0000-4000-8000-000000000000/redrive", None, 404)


# X3, X12
def priority_is_0_to_9_and_shown_when_asked_for(p):
    url = p.upload()
    for given, shown in ((None, 5), (0, 0), (9, 9)):
        job = p.create(url, **({} if given is None else {"priority": given}))
        got = p.json("GET", f"/api/job/{job}?include=priority")
        assert got["priority"] == shown and len(got) == 14, got
        assert "priority" not in p.json("GET", f"/v1/job/{job}"), "13 keys unless asked for"
    for wrong in (-1, 10, 1.5, "5", True):
        body = {"name": "n", "workflow": "sdk-test", "params": {"file": url}, "priority": wrong}
        answer = error(p, "POST", "/v1/job", body, 422)
        assert answer["message"] == "priority must be an integer from 0 to 9.", answer


# X12
def include_adds_one_key_each(p):
    job = p.create(p.upload())
    plain = set(p.json("GET", f"/v1/job/{job}"))
    assert len(plain) == 13, plain
    words = ["attempts", "progress", "priority", "retention"]
    for word in words:
        assert set(p.json("GET", f"/api/job/{job}?include={word}")) - plain == {word}
    assert set(p.json("GET", f"/v1/job/{job}?include={','.join(words)}")) - plain == set(words)


# X2
def batches_count_their_jobs(p):
    url = p.upload()
    name = "batch / 1 \u00e9"
    path = "/batch/" + urllib.parse.quote(name, safe="")
    jobs = [p.create(url, batchName=name, batchSize=2) for _ in range(2)]
    for job in jobs:
        assert p.wait(job)["batchName"] == name
    batch = p.json("GET", "/api" + path)
    assert set(batch) == {"batchName", "total", "queued", "started", "succeeded", "failed", "createdAt",
                          "completedAt"}, batch
    assert (batch["batchName"], batch["total"], batch["succeeded"]) == (name, 2, 2), batch
    assert batch["completedAt"] >= batch["createdAt"], batch
    listed = p.json("GET", "/v1/job?batchName=" + urllib.parse.quote(name))
    assert {job["id"] for job in listed} == set(jobs), listed
    error(p, "GET", "/v1/batch/none", None, 404)
    body = {"name": "n", "workflow": "sdk-test", "params": {"file": url}}
    for wrong in ({"batchName": ""}, {"batchName": 5}, {"batchName": "x" * 129}, {"batchSize": 2},
                  {"batchName": "a", "batchSize": 0}, {"batchName": "a", "batchSize": 1000001},
                  {"batchName": name, "batchSize": 3}):
        assert "batch" in error(p, "POST", "/v1/job", {**body, **wrong}, 422)["message"], wrong
    for good in ({"batchName": "\u00e9" * 128}, {"batchName": "most", "batchSize": 1000000}):
        p.json("POST", "/v1/job", {**body, **good})


# X11, U6
def retention_is_set_shown_and_bounds_result_urls(p):
    url = p.upload()
    job = p.wait(p.create(url, retentionSeconds=3600))
    assert p.json("GET", f"/v1/job/{job['id']}?include=retention")["retention"] == 3600
    expiry = int(urllib.parse.parse_qs(urllib.parse.urlsplit(job["result"]["file"]).query)["e"][0])
    assert expiry <= time.time() + 3600, "never past retention"
    job = p.create(url)
    assert p.json("GET", f"/v1/job/{job}?include=retention")["retention"] == 1209600
    for wrong in (3599, 2592001, "3600"):
        body = {"name": "n", "workflow": "sdk-test", "params": {"file": url}, "retentionSeconds": wrong}
        answer = error(p, "POST", "/v1/job", body, 422)
        assert answer["message"] == "retentionSeconds must be an integer from 3600 to 2592000.", answer


# X10
def results_are_reused_within_an_application_unless_refused(p):
    first = p.wait(p.create(p.upload()))
    again = p.json("GET", f"/v1/job/{p.create(p.upload())}?include=attempts")
    assert again["status"] == "SUCCEEDED" and again["attempts"] == [], "at once, without an attempt"
    assert again["id"] != first["id"] and again["completedAt"] > first["completedAt"], again
    p.json("DELETE", f"/v1/job/{first['id']}?uploads=true")
    time.sleep(0.2)
    assert p.download(again["result"]["file"]) == BYTES, "deleting one job breaks no other"
    run = p.wait(p.create(p.upload(), reuse=False))
    assert len(p.json("GET", f"/v1/job/{run['id']}?include=attempts")["attempts"]) == 1, "reuse: false"
    other = p.wait(p.create(p.upload(BYTES + b"x")))
    assert p.download(other["result"]["file"]) == BYTES + b"x"
    body = {"name": "n", "workflow": "sdk-test", "params": {"file": "https://h/x"}, "reuse": "no"}
    assert error(p, "POST", "/v1/job", body, 422)["message"] == "reuse must be true or false."


class Source(http.server.ThreadingHTTPServer):
    """Serves any path with these bytes, and counts."""

    def __init__(self, data):
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                source.n += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.n = 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


# X10
def results_are_reused_for_the_same_bytes_behind_other_urls(p):
    p.json("POST", "/v1/workflow", document("acme/reused"))
    with Source(b"RIFF what is behind a URL") as source:
        def run(path, **more):
            job = p.wait(p.create(source.url(path), workflow="acme/reused", **more))
            assert job["status"] == "SUCCEEDED", job
            assert p.download(job["result"]["file"]) == b"RIFF what is behind a URL"
            return urllib.parse.urlsplit(job["result"]["file"]).path.split("/")[2], job["id"]
        first, again = run("a.wav"), run("b.wav")
        assert source.n == 2, "the bytes are looked at"
        alone = run("a.wav", reuse=False)
        source.shutdown()
    files = [path.stat().st_ino for path in (p.root / "data" / "objects" / "jobs").rglob("*") if path.is_file()
             and any(job in str(path) for _, job in (first, again, alone))]
    assert len(files) == 2, "one file for the two that are equal, one for the job that would not reuse"
    p.json("DELETE", f"/v1/job/{first[1]}")
    assert p.download(p.json("GET", f"/v1/job/{again[1]}")["result"]["file"]), "deleting one job breaks no other"


if __name__ == "__main__":
    run_checks([workflows_are_posted_used_replaced_and_deleted, a_bad_workflow_gets_422_that_names_the_key,
                workflows_say_their_inputs_and_outputs_as_json_schemas, only_dead_letters_are_redriven,
                priority_is_0_to_9_and_shown_when_asked_for, include_adds_one_key_each, batches_count_their_jobs,
                retention_is_set_shown_and_bounds_result_urls,
                results_are_reused_within_an_application_unless_refused,
                results_are_reused_for_the_same_bytes_behind_other_urls],
               settings=("fetch.allow_loopback=true",))
