// Channels as the page steers them, and the rules of a node that is elsewhere.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { Machine, launch, signedIn, until } from "./harness.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await Machine.stopAll();
});

const SECRET = "a-secret-that-is-long-enough-for-a-door";

/** Posts what somebody writes, signed. */
async function write(machine, id, sender, text) {
  const body = JSON.stringify({ id, sender, text, name: "Ada <b>L</b>" });
  const at = String(Math.floor(Date.now() / 1000));
  const mac = createHmac("sha256", SECRET).update(`${at}.${body}`).digest("hex");
  const headers = { "content-type": "application/json", "x-openclaw-timestamp": at, "x-openclaw-signature": `sha256=${mac}` };
  return (await fetch(`${machine.url}channels/webhook/door`, { method: "POST", headers, body })).status;
}

test("a stranger is let in, an account is stopped, started and logged out", async () => {
  const door = { secret: SECRET, url: "http://127.0.0.1:9/answers" };
  const bot = { botToken: "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", apiRoot: "http://127.0.0.1:9" };
  const machine = await Machine.start({ config: { channels: { webhook: { accounts: { door } }, telegram: bot } } });
  const page = await signedIn(browser, machine);
  await page.goto(`${machine.url}#/channels`);
  const account = page.locator("[data-channel=webhook] .item", { hasText: "door" });
  await account.waitFor();

  assert.equal(await write(machine, "1", "ada", "hello"), 202);
  await page.getByRole("button", { name: "Refresh" }).click();
  const person = page.locator("[data-section=people] .item");
  await person.waitFor();
  assert.match(await person.textContent(), /Ada <b>L<\/b>|ada/);
  await person.getByRole("button", { name: "Approve" }).click();
  await person.waitFor({ state: "detached" });
  machine.model.says("Hello Ada.");
  assert.equal(await write(machine, "2", "ada", "hello again"), 202);
  await until(() => machine.model.requests.length === 1, "the turn of who was let in");

  await account.getByRole("button", { name: "Stop" }).click();
  await account.getByText("stopped").waitFor();
  assert.notEqual(await write(machine, "3", "ada", "anybody?"), 202);
  await account.getByRole("button", { name: "Start" }).click();
  await account.getByRole("button", { name: "Stop" }).waitFor();
  assert.equal(await write(machine, "4", "ada", "anybody?"), 202);

  // A bot that reaches nobody says so; logged out, its token is gone from the configuration.
  const telegram = page.locator("[data-channel=telegram] .item");
  await until(async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return await telegram.locator(".bad").count();
  }, "what is wrong");
  page.once("dialog", (dialog) => dialog.dismiss());
  await telegram.getByRole("button", { name: "Log out" }).click();
  const kept = () => readFile(`${machine.home}/.openclaw/openclaw.json`, "utf8");
  assert.ok((await kept()).includes(bot.botToken));
  page.once("dialog", (dialog) => dialog.accept());
  await telegram.getByRole("button", { name: "Log out" }).click();
  await until(async () => !(await kept()).includes(bot.botToken), "the token to go");
  await until(async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return (await telegram.getByRole("button", { name: "Log out" }).count()) === 0;
  }, "the account without a token");
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await machine.stop();
});

test("the rules of a node are read from it, changed there, and hold", async () => {
  const machine = await Machine.start();
  const home = await Machine.start();
  const node = home.spawn(["node", "run", "--url", machine.url.replace("http", "ws"), "--token", await machine.token(), "--display-name", "field"]);
  let said = "";
  node.stderr.on("data", (data) => (said += data));
  node.stdout.on("data", (data) => (said += data));
  const page = await signedIn(browser, machine);
  await page.goto(`${machine.url}#/devices`);
  await until(async () => {
    const approve = page.locator("[data-section=pending]").getByRole("button", { name: "Approve" });
    if (await approve.count()) await approve.first().click().catch(() => {});
    return await page.locator("[data-section=nodes] .item", { hasText: "field" }).getByRole("button", { name: "Run" }).count();
  }, `the node: ${said}`);
  const run = () => machine.run("nodes", "run", "--node", "field", "--", "/usr/bin/id", "-u").then((out) => out.trim(), (error) => String(error));

  await page.goto(`${machine.url}#/approvals`);
  const rules = page.locator("[data-section=rules]");
  await rules.getByLabel("Machine").selectOption({ label: "field" });
  await rules.getByText(home.home).waitFor();
  await rules.getByLabel("Path of a program").fill("/usr/bin/id");
  await rules.getByRole("button", { name: "Add" }).click();
  await rules.getByLabel("What may run").selectOption("allowlist");
  await rules.getByLabel("When somebody is asked").selectOption("off");
  await rules.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  const file = JSON.parse(await readFile(`${home.home}/.openclaw/exec-approvals.json`, "utf8"));
  assert.equal(file.agents["*"].allowlist[0].pattern, "/usr/bin/id");
  // That the rule was used is noted in the file, and is no change of the rules.
  assert.match(await run(), /^\d+$/);

  await rules.getByRole("button", { name: "Remove /usr/bin/id" }).click();
  await rules.getByRole("button", { name: "Save" }).click();
  await until(async () => !/^\d+$/.test(await run()), "the rule to go");
  assert.deepEqual(page.problems, []);
  node.kill();
  await page.context().close();
  await Promise.all([machine.stop(), home.stop()]);
});

test("a code of the page lets one machine ask to be a node", async () => {
  const machine = await Machine.start();
  const home = await Machine.start();
  const page = await signedIn(browser, machine);
  await page.goto(`${machine.url}#/devices`);
  const add = page.locator("[data-section=add]");
  await add.getByRole("button", { name: "Make a code" }).click();
  await add.getByText("listens on loopback only").waitFor();
  await add.getByRole("textbox").fill("me@server.example");
  await add.getByRole("button", { name: "Make a code" }).click();
  await add.locator("canvas").waitFor();
  const [, code] = /openclaw connect ([\w-]+)/.exec(await add.textContent());
  const inside = JSON.parse(Buffer.from(code, "base64url"));
  assert.equal(inside.ssh, "me@server.example");
  // Here both machines are one, so the address itself leads there.
  delete inside.ssh;
  const direct = Buffer.from(JSON.stringify(inside)).toString("base64url");
  const node = home.spawn(["connect", direct, "--display-name", "field"]);
  let said = "";
  node.stdout.on("data", (data) => (said += data));
  node.stderr.on("data", (data) => (said += data));
  const approve = page.locator("[data-section=pending]").getByRole("button", { name: "Approve" });
  await until(() => approve.count(), `the request: ${said}`);
  await approve.click();
  await page.locator("[data-section=nodes] .item", { hasText: "field" }).getByRole("button", { name: "Run" }).waitFor();
  assert.deepEqual(page.problems, []);
  node.kill();
  await page.context().close();
  await Promise.all([machine.stop(), home.stop()]);
});
