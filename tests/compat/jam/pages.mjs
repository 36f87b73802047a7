// Opens pages in Debian's chromium and keeps what observe.js tells of them.
//
//     node pages.mjs OUT-FOLDER SECONDS [--port N] NAME=PAGE?QUERY...
//
// Each page is served from 127.0.0.1:N (its Origin), opened for SECONDS, and leaves NAME.jsonl and
// NAME.f32 (the samples of its chunks, one channel after the other) in the folder. Also kept: by how
// much this machine stood still, in stalls.json: [when, for how long] in ms of Date.now().
import {mkdtemp, open, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {chromium} from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
               '--disable-background-networking', '--disable-component-update', '--disable-sync',
               '--autoplay-policy=no-user-gesture-required'];
const TICK_MS = 5;
const STALL_MS = 15;
const here = new URL('.', import.meta.url).pathname;

const {values, positionals} = parseArgs({allowPositionals: true, options: {port: {type: 'string'}}});
const [folder, seconds, ...pages] = positionals;
const names = new Map(); // title and query, as observe.js tells it -> name
const wanted = new Map(); // path and query -> name
const files = new Map(); // name -> {records, samples, size, tail}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

// Records of one page are written one after the other.
function keep(page, record, body) {
  const file = files.get(names.get(page));
  const offset = file.size;
  file.size += body.length;
  file.tail = file.tail.then(async () => {
    await file.records.write(`${JSON.stringify({...record, offset})}\n`);
    await file.samples.write(body);
  });
}

const server = createServer(async (request, response) => {
  const {pathname, search} = new URL(request.url, 'http://page');
  if (request.method === 'POST') {
    keep(request.headers['x-page'], JSON.parse(request.headers['x-seen']), await bodyOf(request));
    response.writeHead(204).end();
    return;
  }
  const text = await readFile(join(here, pathname.slice(1))).catch(() => null);
  if (text !== null) {
    names.set(/<title>(.*)<\/title>/.exec(text)[1] + search, wanted.get(pathname.slice(1) + search));
  }
  response.writeHead(text === null ? 404 : 200, {'Content-Type': 'text/html; charset=utf-8'}).end(text);
});
await new Promise((done) => server.listen(Number(values.port ?? 0), '127.0.0.1', done));
const base = `http://127.0.0.1:${server.address().port}/`;

for (const page of pages) {
  const [, name, address] = /^([^=]+)=(.*)$/.exec(page);
  wanted.set(new URL(base + address).pathname.slice(1) + new URL(base + address).search, name);
  files.set(name, {records: await open(join(folder, `${name}.jsonl`), 'w'),
                   samples: await open(join(folder, `${name}.f32`), 'w'), size: 0, tail: Promise.resolve()});
}

const stalls = [];
let tick = Date.now();
const watch = setInterval(() => {
  const now = Date.now();
  if (now - tick > TICK_MS + STALL_MS) {
    stalls.push([tick, now - tick]);
  }
  tick = now;
}, TICK_MS);

const profile = await mkdtemp(join(tmpdir(), 'reflection-chromium-'));
let browser;
try {
  browser = await chromium.launchPersistentContext(
      profile, {executablePath: BROWSER, headless: true, ignoreHTTPSErrors: true, args: FLAGS});
  await browser.addInitScript({path: join(here, 'observe.js')});
  const errors = [];
  for (const address of wanted.keys()) {
    const page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(`${address}: ${error.message}`));
    await page.goto(base + address);
  }
  await new Promise((done) => setTimeout(done, 1000 * Number(seconds)));
  if (errors.length > 0) {
    throw new Error(errors.join('\n'));
  }
} finally {
  await browser?.close();
  clearInterval(watch);
  server.close();
  for (const file of files.values()) {
    await file.tail;
    await file.records.close();
    await file.samples.close();
  }
  await writeFile(join(folder, 'stalls.json'), JSON.stringify(stalls));
  await rm(profile, {recursive: true, force: true});
}
