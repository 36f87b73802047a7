// pg-boss: node pgboss_peer.js URL JOBS SUBMITTERS. One process submits, another works, as with us.
// Prints the seconds from the first send to the last completed job.
const { fork } = require("child_process");
const PgBoss = require("pg-boss");

const [url, jobs, submitters, role, name] = process.argv.slice(2);
const Boss = PgBoss.PgBoss || PgBoss.default || PgBoss;
const open = (max) => new Boss({ connectionString: url, max });

// Completion is written after the handler returned, so the table is asked.
async function allCompleted(boss) {
  const sql = `SELECT count(*)::int AS n FROM pgboss.job WHERE name='${name}' AND state='completed'`;
  for (;;) {
    const { rows } = await boss.getDb().executeSql(sql);
    if (rows[0].n >= Number(jobs)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function work() {
  const boss = open(8);
  await boss.start();
  let taken = 0;
  const options = { batchSize: 500, pollingIntervalSeconds: 0.5 };
  const handler = async (batch) => {
    taken += batch.length;
    // pg-boss asks again at once only when told so.
    ids.forEach((id) => boss.notifyWorker(id));
    if (taken >= Number(jobs)) allCompleted(boss).then(() => process.send("done"));
  };
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push(await boss.work(name, options, handler));
  process.send("ready");
}

async function submit() {
  const boss = open(Number(submitters));
  await boss.start();
  const queue = "bench-" + process.pid;
  await boss.createQueue(queue);
  const child = fork(__filename, [url, jobs, submitters, "work", queue]);
  child.on("exit", (code) => code && process.exit(code));
  const message = (text) =>
    new Promise((resolve) => child.on("message", (m) => m === text && resolve()));
  const finished = message("done");
  await message("ready");
  let left = Number(jobs);
  const start = process.hrtime.bigint();
  const loop = async () => {
    while (left-- > 0) await boss.send(queue, { text: "x" });
  };
  await Promise.all(Array.from({ length: Number(submitters) }, loop));
  await finished;
  console.log(Number(process.hrtime.bigint() - start) / 1e9);
  child.kill();
  process.exit(0);
}

role === "work" ? work() : submit();
