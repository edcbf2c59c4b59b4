// Records the shape of the original's answers: key paths and types, never values.
//
// Run by hand through `cargo xtask record-peer` (it needs the original installed under `--peer`); the test command
// only reads what was recorded. Usage: node record-peer.mjs --peer DIR --out DIR [--values DIR]
// `--values` also writes the raw answers to a folder outside the tree, to find out which keys are data.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { connect } from "./peer/client.mjs";
import { START_LIMIT_MS, startModel, startPeer } from "./peer/launch.mjs";
import { Shape } from "./peer/shape.mjs";
import { MAPS, OPAQUE, STEPS, remember } from "./peer/steps.mjs";

const REQUEST_LIMIT_MS = 90_000;

const { values: options } = parseArgs({
  options: { peer: { type: "string" }, out: { type: "string" }, values: { type: "string" } },
});
const version = JSON.parse(readFileSync(join(options.peer, "node_modules/openclaw/package.json"), "utf8")).version;
const recorded = new Map();

const model = await startModel();
const peer = await startPeer({ root: options.peer, modelUrl: model.url });
try {
  await record(peer);
} finally {
  await peer.stop();
  await model.stop();
}
write();

async function record({ url, token }) {
  const { client, hello, events } = await connect({ url, token, limitMs: START_LIMIT_MS });
  const other = await connect({ url, token, limitMs: START_LIMIT_MS, mode: "ui", clientName: "openclaw-macos" });
  sample("hello-ok", { ok: true, payload: hello });
  writeValues("hello-ok", hello);
  const seen = {};
  for (const [method, params, how] of STEPS) {
    if (how?.needs && seen[how.needs] === undefined) {
      console.error(`${method}: left out, nothing known for ${how.needs}`);
      continue;
    }
    const answer = await ask(client, method, typeof params === "function" ? params(seen) : params, how);
    if (answer.ok) remember(seen, method, answer.payload);
    console.error(`${method}: ${answer.ok ? "ok" : answer.error.message}`);
    sample(how?.as ?? method, answer);
    writeValues(how?.as ?? method, answer);
    if (how?.until) await chatEvent(events, params.idempotencyKey, how.until);
  }
  for (const { event, payload } of [...events, ...other.events]) {
    sample(`event.${event}`, { ok: true, payload });
    writeValues(`event.${event}`, payload);
  }
  other.client.stop();
  client.stop();
}

async function chatEvent(events, runId, state) {
  const deadline = Date.now() + REQUEST_LIMIT_MS;
  const matches = ({ event, payload }) => event === "chat" && payload.runId === runId && payload.state === state;
  while (!events.some(matches)) {
    if (Date.now() > deadline) throw new Error(`no chat event ${state} for ${runId}`);
    await setTimeout(20);
  }
}

async function ask(client, method, params, how) {
  try {
    const payload = await client.request(method, params, { timeoutMs: REQUEST_LIMIT_MS, expectFinal: how?.final });
    return { ok: true, payload };
  } catch (error) {
    return { ok: false, error: { message: error.message, code: error.gatewayCode ?? error.code, details: error.details } };
  }
}

function sample(name, answer) {
  if (!recorded.has(name)) {
    recorded.set(name, { answered: 0, refused: 0, result: new Shape(MAPS[name]), error: new Shape() });
  }
  const entry = recorded.get(name);
  if (answer.ok) {
    entry.answered += 1;
    entry.result.add(answer.payload);
  } else {
    entry.refused += 1;
    entry.error.add(answer.error);
  }
}

function write() {
  mkdirSync(options.out, { recursive: true });
  for (const file of readdirSync(options.out).filter((name) => name.endsWith(".json"))) rmSync(join(options.out, file));
  for (const [name, entry] of recorded) {
    const file = { name, peer: `openclaw@${version}`, answered: entry.answered, refused: entry.refused };
    if (entry.answered > 0) file.result = withoutOpaque(name, entry.result.toJSON());
    if (entry.refused > 0) file.error = entry.error.toJSON();
    writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(file, null, 2)}\n`);
  }
  console.error(`recorded ${recorded.size} shapes`);
}

function withoutOpaque(name, { paths, optional }) {
  const roots = OPAQUE[name] ?? [];
  const kept = (path) => !roots.some((root) => path.startsWith(`${root}.`) || path.startsWith(`${root}[`));
  return {
    paths: Object.fromEntries(Object.entries(paths).filter(([path]) => kept(path))),
    optional: optional.filter(kept),
  };
}

function writeValues(name, value) {
  if (!options.values) return;
  mkdirSync(options.values, { recursive: true });
  writeFileSync(join(options.values, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`, { flag: "a" });
}
