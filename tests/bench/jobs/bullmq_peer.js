// BullMQ: node bullmq_peer.js PORT JOBS SUBMITTERS. One process submits, another works, as with us.
// Prints the seconds from the first add to the last completed job.
const { fork } = require("child_process");
const { Queue, Worker } = require("bullmq");

const [port, jobs, submitters, role, name] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port) };

function work() {
  let done = 0;
  const worker = new Worker(name, async () => "done", { connection, concurrency: 200 });
  worker.on("completed", () => {
    if (++done === Number(jobs)) process.send("done");
  });
  worker.waitUntilReady().then(() => process.send("ready"));
}

async function submit() {
  const queue = new Queue("bench-" + process.pid, { connection });
  const child = fork(__filename, [port, jobs, submitters, "work", queue.name]);
  child.on("exit", (code) => code && process.exit(code));
  const message = (text) =>
    new Promise((resolve) => child.on("message", (m) => m === text && resolve()));
  const finished = message("done");
  await message("ready");
  await queue.waitUntilReady();
  let left = Number(jobs);
  const start = process.hrtime.bigint();
  const loop = async () => {
    while (left-- > 0) await queue.add("noop", { text: "x" });
  };
  await Promise.all(Array.from({ length: Number(submitters) }, loop));
  await finished;
  console.log(Number(process.hrtime.bigint() - start) / 1e9);
  child.kill();
  process.exit(0);
}

role === "work" ? work() : submit();
