// The original's own interface, served by `gateway.controlUi.root`, against our Gateway: node tests/peer.mjs
// It takes the published package from npm into a folder of its own and deletes it afterwards.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Machine, launch, until, visit } from "./harness.mjs";

const PACKAGE = "openclaw@2026.9.6";
/** Files that the original's Gateway makes up; its interface goes on without them. */
const MADE_UP = ["/__openclaw__/workspace-icon/"];

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "openclaw-peer-ui-"));
const browser = await launch();
try {
  await run("npm", ["pack", "--silent", PACKAGE], { cwd: folder });
  const [archive] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await run("tar", ["xzf", archive, "--wildcards", "package/dist/control-ui/*"], { cwd: folder });
  await rm(join(folder, archive));
  const machine = await Machine.start({ config: { gateway: { controlUi: { root: join(folder, "package/dist/control-ui") } } } });

  const page = await visit(browser, "about:blank");
  const asked = new Map();
  const served = new Set();
  const refused = new Map();
  const missing = [];
  page.on("response", (response) => response.status() >= 400 && missing.push(new URL(response.url()).pathname));
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => {
      const { id, method } = JSON.parse(String(payload));
      if (method) asked.set(id, method);
    });
    socket.on("framereceived", ({ payload }) => {
      const { type, id, ok, error } = JSON.parse(String(payload));
      if (type !== "res") return;
      if (ok) served.add(asked.get(id));
      else refused.set(asked.get(id), error.message);
    });
  });
  machine.model.next(async (reply) => {
    reply.text("The answer begins");
    await page.getByText("The answer begins").first().waitFor();
    reply.text(" and ends.");
    reply.end();
  });
  await page.goto(`${machine.url}#token=${await machine.token()}`);
  const box = page.locator("textarea").first();
  await box.fill("hello");
  await box.press("Enter");
  await page.getByText("The answer begins and ends.").first().waitFor();
  await page.goto(`${machine.url}nodes`);
  await until(() => served.has("device.pair.list") && served.has("sessions.list"), "the lists of devices and sessions");

  for (const [method, message] of refused) assert.equal(message, `unknown method: ${method}`);
  assert.deepEqual(missing.filter((path) => !MADE_UP.some((known) => path.startsWith(known))), []);
  assert.deepEqual(page.problems.filter((text) => !text.includes("404 (Not Found)")), []);
  console.log(`${PACKAGE}: opens its chat, sends, streams, lists devices and sessions`);
  console.log(`served: ${[...served].sort().join(" ")}`);
  console.log(`refused as unknown: ${[...refused.keys()].sort().join(" ")}`);
  console.log(`files it does without: ${[...new Set(missing)].sort().join(" ")}`);
} finally {
  await browser.close();
  await Machine.stopAll();
  await rm(folder, { recursive: true, force: true });
}
