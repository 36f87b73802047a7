"""The vendor's Python SDK 1.0.3, unmodified: its README's calls, and this project's own statement of
the 12 cases of its suite that do not hard-code vendor hosts. Both path prefixes.

Run by with_platform.py, which gives REFLECTION_URL, REFLECTION_API_KEY, REQUESTS_CA_BUNDLE and WORK.
"""
import json
import os
import pathlib
import uuid

import pytest
import requests
from musicai_sdk import MusicAiClient

DEMO = "https://music.ai/demo.ogg"
WORK = pathlib.Path(os.environ.get("WORK", "."))


@pytest.fixture(params=["/v1", "/api"])
def client(request):
    made = MusicAiClient(os.environ["REFLECTION_API_KEY"], job_monitor_interval=0.2)
    made.base_url = os.environ["REFLECTION_URL"] + request.param
    return made


def add(client, **options):
    return client.add_job("job", "sdk-test", {"file": DEMO}, **options)["id"]


def done(client, job_id):
    job = client.wait_for_job_completion(job_id)
    assert job["status"] == "SUCCEEDED", job["error"]
    return job


# ---- the 12 cases ----

def test_application_info_has_id_and_name(client):
    info = client.get_application_info()
    assert set(info) == {"id", "name"}
    assert uuid.UUID(info["id"]).version == 4


def test_job_is_added_with_a_uuid_of_version_1_to_5(client):
    assert uuid.UUID(add(client)).version in range(1, 6)


def test_job_keeps_its_metadata(client):
    job = client.get_job(add(client, metadata={"test": "metadata"}))
    assert job["metadata"] == {"test": "metadata"}


def test_job_copies_results_to_custom_storage(client):
    urls = requests.get(f"{client.base_url}/upload", headers=client.get_headers()).json()
    job = done(client, add(client, copy_results_to={"file": urls["uploadUrl"]}))
    assert job["result"] == {"file": "[custom storage]"}
    assert requests.get(urls["downloadUrl"]).content == (WORK / "demo.ogg").read_bytes()


def test_job_is_read_back(client):
    job_id = add(client)
    job = client.get_job(job_id)
    assert job["id"] == job_id and job["name"] == "job" and job["workflow"] == "sdk-test"
    assert job["workflowParams"] == {"file": DEMO}


def test_job_status_is_read(client):
    job_id = add(client)
    status = client.get_job_status(job_id)
    assert status["id"] == job_id
    assert status["status"] in ("QUEUED", "STARTED", "SUCCEEDED", "FAILED")


def test_jobs_are_listed(client):
    job_id = add(client)
    assert job_id in [job["id"] for job in client.list_jobs()]


def test_jobs_are_listed_by_status_and_workflow(client):
    job_id = add(client)
    done(client, job_id)
    found = client.list_jobs({"status": ["SUCCEEDED"], "workflow": ["sdk-test"]})
    assert job_id in [job["id"] for job in found]
    assert {job["status"] for job in found} == {"SUCCEEDED"}
    assert client.list_jobs({"workflow": ["workflow-a", "workflow-b"]}) == []


def test_job_completion_is_waited_for(client):
    job = done(client, add(client))
    assert job["completedAt"] >= job["startedAt"] >= job["createdAt"]


def test_results_are_downloaded(client, tmp_path):
    job = done(client, add(client))
    files = client.download_job_results(job, str(tmp_path))
    assert pathlib.Path(files["file"]).read_bytes() == (WORK / "demo.ogg").read_bytes()
    assert json.loads((tmp_path / "workflow.result.json").read_text()) == {"file": "./file.ogg"}


def test_job_is_deleted(client):
    job_id = add(client)
    assert client.delete_job(job_id) == {"id": job_id}
    with pytest.raises(requests.HTTPError):
        client.get_job(job_id)


def test_workflows_are_listed(client):
    slugs = [w["slug"] for w in client.list_workflows({"page": 0, "size": 100})["workflows"]]
    assert "sdk-test" in slugs and "music-ai/generate-chords" in slugs


# ---- the README's quick start, and what its code does at the edges ----

def test_quick_start_song_to_chords(client, tmp_path):
    url = client.upload_file(str(WORK / "demo.ogg"))
    job_id = client.add_job("My first job", "music-ai/generate-chords", {"inputUrl": url})["id"]
    files = client.download_job_results(done(client, job_id), str(tmp_path))
    chords = json.loads(pathlib.Path(files["chords"]).read_text())
    assert chords[0]["start"] == 0
    assert all(a["end"] == b["start"] for a, b in zip(chords, chords[1:]))
    client.delete_job(job_id)


def test_music_analysis_gives_every_output(client, tmp_path):
    url = client.upload_file(str(WORK / "song.wav"))
    job_id = client.add_job("analysis", "music-ai/music-analysis", {"inputUrl": url})["id"]
    job = done(client, job_id)
    files = client.download_job_results(job, str(tmp_path))
    assert set(files) == {"beatMap", "chordMap", "sectionsMap", "loudness"}
    assert job["result"]["key"] == "G Major"
    assert abs(float(job["result"]["bpm"]) - 112) < 1
    loudness = json.loads(pathlib.Path(files["loudness"]).read_text())
    assert -40 < loudness["integratedLufs"] < 0


def test_files_are_saved_by_the_url_name_when_asked(client, tmp_path):
    client.save_output_to_folder = False
    files = client.download_job_results(done(client, add(client)), str(tmp_path))
    assert pathlib.Path(files["file"]).name == "file.ogg"


def test_a_failed_job_says_why_and_is_not_downloaded(client, tmp_path):
    job_id = client.add_job("bad", "music-ai/isolate-drums",
                            {"inputUrl": "https://your-website.invalid/song.mp3"})["id"]
    job = client.wait_for_job_completion(job_id)
    assert (job["status"], job["error"]["code"]) == ("FAILED", "BAD_INPUT")
    with pytest.raises(requests.HTTPError):
        client.download_job_results(job, str(tmp_path))


def test_a_wrong_key_is_refused(client):
    client.api_key = "wrong"
    with pytest.raises(requests.HTTPError, match="401"):
        client.get_application_info()
