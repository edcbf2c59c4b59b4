// Starts the original's Gateway with a throw-away home on a spare loopback port, beside a stand-in for a model.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMock } from "@copilotkit/aimock";

import { SLOW_MESSAGE } from "./steps.mjs";

/** How long the original may take from exec to its first answer. */
export const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 15_000;
const ANSWER = "This is the answer of the stand-in, long enough to come in several pieces.";

/** A model stand-in that answers everything with one sentence, in several chunks. */
export async function startModel() {
  const model = new LLMock({ port: 0, chunkSize: 8 });
  const slowly = (request) => JSON.stringify(request.messages).includes(SLOW_MESSAGE);
  model.on({ predicate: slowly }, { content: "slow ".repeat(200) }, { latency: 200 });
  model.on({ predicate: (request) => !slowly(request) }, { content: ANSWER });
  await model.start();
  return model;
}

/** Starts `openclaw gateway run` of the package installed under `root`. Returns how to reach and stop it. */
export async function startPeer({ root, modelUrl }) {
  const home = mkdtempSync(join(tmpdir(), "openclaw-peer-"));
  const port = await sparePort();
  const token = "throw-away-token-for-recording";
  const config = join(home, "openclaw.json");
  writeFileSync(config, JSON.stringify(peerConfig(port, token, modelUrl, home)), { mode: 0o600 });
  const log = openSync(join(home, "peer.log"), "w");
  const entry = join(root, "node_modules", "openclaw", "openclaw.mjs");
  const child = spawn(process.execPath, [entry, "gateway", "run", "--port", String(port)], {
    cwd: home,
    env: peerEnvironment(home, config),
    stdio: ["ignore", log, log],
    detached: true,
  });
  return { url: `ws://127.0.0.1:${port}`, token, home, pid: child.pid, stop: () => stopPeer(child, home) };
}

function peerConfig(port, token, modelUrl, home) {
  const model = { id: "stand-in", name: "stand-in", contextWindow: 32_000, maxTokens: 1_000 };
  return {
    gateway: { mode: "local", port, bind: "loopback", auth: { mode: "token", token } },
    models: {
      providers: { mock: { baseUrl: `${modelUrl}/v1`, apiKey: "mock", api: "openai-completions", models: [model] } },
    },
    agents: { defaults: { workspace: join(home, "workspace"), model: { primary: "mock/stand-in" } } },
  };
}

function peerEnvironment(home, config) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    OPENCLAW_HOME: home,
    OPENCLAW_STATE_DIR: join(home, "state"),
    OPENCLAW_CONFIG_PATH: config,
    OPENCLAW_DISABLE_BONJOUR: "1",
    NO_COLOR: "1",
  };
}

async function stopPeer(child, home) {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGTERM");
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), STOP_LIMIT_MS);
    await gone;
    clearTimeout(timer);
  }
  rmSync(home, { recursive: true, force: true });
}

async function sparePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
