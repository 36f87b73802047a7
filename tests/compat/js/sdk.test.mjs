// Every call of the JavaScript SDK's README, both published versions, unmodified, over TLS.
// Run by with_platform.py, which gives REFLECTION_URL, REFLECTION_API_KEY and WORK.
import assert from "node:assert/strict";
import { mkdtemp, readFile, stat } from "node:fs/promises";
import test from "node:test";

import MusicAi21, { MusicAiSdkError } from "@music.ai/sdk";
import MusicAi8 from "music-ai-sdk-1.0.8";

const base = process.env.REFLECTION_URL;
const key = process.env.REFLECTION_API_KEY;
const work = process.env.WORK;
const song = `${work}/demo.ogg`;
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const jobKeys = ["id", "app", "name", "batchName", "metadata", "workflow", "workflowParams", "status",
  "result", "error", "createdAt", "startedAt", "completedAt"].sort();

// 1.0.8 adds /api itself; 1.0.21 takes the prefix in its endpoint, and a trailing slash gives //job.
const clients = [
  { name: "1.0.21 on /v1", api: (apiKey) => new MusicAi21({ apiKey, apiEndpoint: `${base}/v1`, jobMonitorInterval: 200 }) },
  { name: "1.0.21 on /api", api: (apiKey) => new MusicAi21({ apiKey, apiEndpoint: `${base}/api`, jobMonitorInterval: 200 }) },
  { name: "1.0.21 on /v1/", api: (apiKey) => new MusicAi21({ apiKey, apiEndpoint: `${base}/v1/`, jobMonitorInterval: 200 }) },
  { name: "1.0.8", api: (apiKey) => new MusicAi8({ apiKey, apiEndpoint: base, jobMonitorInterval: 200 }) },
];

const folder = () => mkdtemp(`${work}/out-`);
const add = (api, workflow, params, options) => api.addJob("job-1", workflow, params, options);

for (const { name, api } of clients) {
  test(`SDK ${name}: quick start, song to chords`, async () => {
    const client = api(key);
    const inputUrl = await client.uploadFile(song);
    assert.match(inputUrl, /^https:\/\//);
    const id = await add(client, "music-ai/generate-chords", { inputUrl });
    assert.match(id, uuid4);
    const job = await client.waitForJobCompletion(id);
    assert.equal(job.status, "SUCCEEDED", JSON.stringify(job.error));
    const out = await folder();
    await client.downloadJobResults(job, out);
    const chords = JSON.parse(await readFile(`${out}/chords.json`, "utf8"));
    assert.ok(chords.length > 3);
    assert.equal(chords[0].start, 0);
    assert.ok(Math.abs(chords.at(-1).end - 12) < 0.05);
    assert.ok(chords.some((row) => row.chord_majmin === "G:maj"));
    JSON.parse(await readFile(`${out}/result.music-ai.json`, "utf8"));
    await client.deleteJob(id);
    await assert.rejects(client.getJob(id));
  });

  test(`SDK ${name}: a job has exactly its 13 keys`, async () => {
    const client = api(key);
    const id = await add(client, "sdk-test", { file: "https://music.ai/demo.ogg" }, { metadata: { k: "v" } });
    const job = await client.waitForJobCompletion(id);
    assert.deepEqual(Object.keys(job).sort(), jobKeys);
    assert.equal(job.status, "SUCCEEDED", JSON.stringify(job.error));
    assert.deepEqual(job.metadata, { k: "v" });
    assert.deepEqual(job.workflowParams, { file: "https://music.ai/demo.ogg" });
    assert.match(job.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(Object.keys(await client.getJobStatus(id)).sort(), ["id", "status"]);
    const out = await folder();
    await client.downloadJobResults(id, out);
    assert.deepEqual(await readFile(`${out}/file.ogg`), await readFile(song));
  });

  test(`SDK ${name}: custom storage`, async () => {
    const client = api(key);
    const upload = await client.apiCall("GET", name === "1.0.8" ? "/api/upload" : "/upload");
    const id = await add(client, "sdk-test", { file: "https://music.ai/demo.ogg" },
      { copyResultsTo: { file: upload.uploadUrl } });
    const job = await client.waitForJobCompletion(id);
    assert.deepEqual(job.result, { file: "[custom storage]" });
    const stored = await fetch(upload.downloadUrl);
    assert.equal(stored.status, 200);
    assert.deepEqual(Buffer.from(await stored.arrayBuffer()), await readFile(song));
  });

  test(`SDK ${name}: lists by status and workflow`, async () => {
    const client = api(key);
    const id = await add(client, "sdk-test", { file: "https://music.ai/demo.ogg" });
    await client.waitForJobCompletion(id);
    assert.ok((await client.listJobs()).some((job) => job.id === id));
    const some = await client.listJobs({ status: ["SUCCEEDED", "FAILED"], workflow: ["sdk-test"] });
    assert.ok(some.some((job) => job.id === id));
    assert.ok(some.every((job) => job.workflow === "sdk-test"));
    assert.deepEqual(await client.listJobs({ workflow: ["workflow-a", "workflow-b"] }), []);
    await assert.rejects(client.listJobs({ status: "FAILED" }));
  });

  test(`SDK ${name}: an input that cannot be read fails the job, not the call`, async () => {
    const client = api(key);
    const id = await add(client, "music-ai/isolate-drums", { inputUrl: "https://your-website.invalid/song.mp3" });
    const job = await client.waitForJobCompletion(id);
    assert.equal(job.status, "FAILED");
    assert.deepEqual(job.error, { code: "BAD_INPUT", title: "Invalid input",
      message: "The input could not be downloaded." });
    assert.equal(job.result, null);
    await assert.rejects(client.downloadJobResults(job, await folder()));
  });

  test(`SDK ${name}: application and workflows`, async () => {
    const client = api(key);
    const application = await client.getApplicationInfo();
    assert.deepEqual(Object.keys(application).sort(), ["id", "name"]);
    assert.match(application.id, uuid4);
    if (client.listWorkflows) {
      const { workflows } = await client.listWorkflows({ page: 0, size: 100 });
      assert.ok(workflows.some((w) => w.slug === "music-ai/generate-chords"));
      const { workflows: none } = await client.listWorkflows({ page: 1000, size: 10 });
      assert.deepEqual(none, []);
    }
  });

  test(`SDK ${name}: a wrong or missing key is refused with its message`, async () => {
    for (const bad of ["wrong", undefined]) {
      await assert.rejects(api(bad).getApplicationInfo(), (error) => error.message.length > 0);
    }
    await assert.rejects(api(key).getJob("not-a-uuid"));
    await assert.rejects(add(api(key), "no-such-workflow", {}), MusicAiSdkError ? Error : Error);
  });
}

test("SDK 1.0.8: its README's quick start passes one object where the code expects a name", async () => {
  const client = clients.at(-1).api(key);
  const id = await client.addJob({ name: "My first job", workflow: "sdk-test",
    params: { file: "https://music.ai/demo.ogg" } });
  assert.equal((await client.getJob(id)).name, "My first job");
});

test("SDK 1.0.21: addJob takes one object", async () => {
  const client = clients[0].api(key);
  const id = await client.addJob({ name: "job", workflow: "music-ai/stems-vocals-accompaniment",
    params: { inputUrl: "https://music.ai/demo.ogg" } });
  const job = await client.waitForJobCompletion(id);
  assert.equal(job.status, "SUCCEEDED", JSON.stringify(job.error));
  const out = await folder();
  await client.downloadJobResults(job, out);
  for (const stem of ["vocals", "accompaniments"]) {
    assert.ok((await stat(`${out}/${stem}.wav`)).size > 1e6);
  }
});
