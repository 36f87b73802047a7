// The quick start of the JavaScript SDK's README against a running reflection:
//   node first_job.mjs SONG OUTPUT_FOLDER
// REFLECTION_URL and REFLECTION_API_KEY say where; NODE_EXTRA_CA_CERTS names the platform's CA.
import MusicAi from "@music.ai/sdk";
import { readFile } from "node:fs/promises";

const [song, folder] = process.argv.slice(2);
const musicAi = new MusicAi({
  apiKey: process.env.REFLECTION_API_KEY,
  apiEndpoint: `${process.env.REFLECTION_URL}/v1`,
});

const inputUrl = await musicAi.uploadFile(song);
const id = await musicAi.addJob({
  name: "My first job",
  workflow: "music-ai/generate-chords",
  params: { inputUrl },
});
const job = await musicAi.waitForJobCompletion(id);
if (job.status !== "SUCCEEDED") {
  console.error("job failed:", job.error);
  process.exit(1);
}
const files = await musicAi.downloadJobResults(job, folder);
const chords = JSON.parse(await readFile(`${folder}/chords.json`, "utf8"));
console.log(`job ${id}: ${chords.length} chords in ${folder}/${files.result.chords}`);
console.log(chords.slice(0, 12).map((c) => c.chord_simple_pop).join(" "), "...");
await musicAi.deleteJob(id);
