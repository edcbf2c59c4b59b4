// Every page in a real browser: what it shows, what it does, how it looks on a phone, in the dark, in Chinese.

import assert from "node:assert/strict";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { PATIENCE, Machine, launch, signedIn, until, visit } from "./harness.mjs";

const PAGES = ["chat", "overview", "devices", "approvals", "sessions", "channels", "logs", "config", "security", "usage", "connect"];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let machine;
let browser;
before(async () => {
  [machine, browser] = await Promise.all([
    Machine.start(),
    // A name that leads here: on plain HTTP a browser trusts it with nothing.
    launch({ args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP gateway.test 127.0.0.1"] }),
  ]);
  machine.model.says("# Title\n\nAn answer with `code`.\n\n```sh\nls\n```");
  await machine.run("agent", "--message", "hello", "--session-key", "work");
});
after(async () => {
  await browser?.close();
  await Machine.stopAll();
});

/** Goes to a page and waits until it has read what it shows. */
async function go(page, name, base = machine.url) {
  await page.goto(`${base}#/${name}${name === "chat" ? "/work" : ""}`);
  await page.locator(`[data-page=${name}]`).waitFor();
  if (name === "chat") await page.locator(".turn.assistant .markdown h1").waitFor();
  else await page.locator(`[data-page=${name}] :is(.card, .command)`).first().waitFor();
}

/** Serious accessibility faults, as axe sees them. */
async function faults(page) {
  // The policy of the page forbids scripts that are put into it, so the test runs axe from outside.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
}

for (const [name, options] of [
  ["at a desk, light", { colorScheme: "light" }],
  ["at a desk, dark, without motion", { colorScheme: "dark", reducedMotion: "reduce" }],
  ["on a phone, light, with large text", { colorScheme: "light", viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, large: true }],
  ["on a phone, dark, in Chinese", { colorScheme: "dark", viewport: { width: 360, height: 740 }, locale: "zh-CN", hasTouch: true, isMobile: true }],
]) {
  test(`every page works ${name}, fits, and has no serious accessibility fault`, async () => {
    const { large, ...context } = options;
    const page = await signedIn(browser, machine, context);
    if (large) await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
    for (const place of PAGES) {
      await go(page, place);
      if (options.locale) assert.match(await page.locator(`[data-page=${place}]`).textContent(), /[\u4e00-\u9fff]/, place);
      const { wide, shown } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, shown: window.innerWidth }));
      assert.ok(wide <= shown, `${place} is ${wide} wide`);
      assert.deepEqual(await faults(page), [], place);
    }
    if (options.locale) {
      assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
      await page.getByRole("button", { name: "菜单" }).click();
      for (const word of ["聊天", "概览", "节点与设备", "审批", "会话", "频道", "日志", "配置", "安全", "用量", "连接"]) {
        await page.locator("nav a", { hasText: word }).first().waitFor();
      }
      assert.deepEqual(await faults(page), [], "menu");
      await page.locator("nav a", { hasText: "概览" }).click();
      await page.locator("[data-page=overview]").waitFor();
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.ok(background.match(/\d+/g).slice(0, 3).every((part) => Number(part) < 80), background);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}

test("a browser that nobody knows waits, is compared and let in from another one, and is cut when revoked", async () => {
  const open = await Machine.start({ config: { gateway: { auth: { mode: "none" } } } });
  const guest = await visit(browser, open.url);
  await guest.waitForSelector("[data-stand=pairing]");
  const command = await guest.locator(".gate code").textContent();
  assert.match(command, /^openclaw devices approve [0-9a-f-]{36}$/);
  const shown = await guest.locator(".gate .mono").textContent();
  assert.deepEqual(await faults(guest), []);
  // The owner lets the first one in at the terminal, with the very words of the page.
  await open.run(...command.split(" ").slice(1));
  await guest.waitForSelector("[data-page=chat]");

  const second = await visit(browser, open.url);
  await second.waitForSelector("[data-stand=pairing]");
  const print = await second.locator(".gate .mono").textContent();
  assert.notEqual(print, shown);
  await guest.locator("nav .badge", { hasText: "1" }).waitFor();
  await go(guest, "devices", open.url);
  const request = guest.locator("[data-section=pending] .item");
  await request.filter({ hasText: print }).waitFor();
  await request.getByRole("button", { name: "Approve" }).click();
  await second.waitForSelector("[data-page=chat]");

  guest.on("dialog", (dialog) => dialog.accept());
  await guest.locator("[data-section=paired] .item", { hasText: print }).getByRole("button", { name: "Revoke" }).click();
  await second.waitForSelector("[data-stand=pairing]");
  await request.filter({ hasText: print }).getByRole("button", { name: "Reject" }).click();
  assert.deepEqual(guest.problems, []);
  await guest.context().close();
  await second.context().close();
  await open.stop();
});

test("on plain HTTP a readable key is used, the page says so, and waits until its origin is allowed", async () => {
  // The name is served from the start, its pages with the port in their origin are not.
  const plain = await Machine.start({ config: { gateway: { controlUi: { allowedOrigins: ["http://gateway.test"] } } } });
  const url = plain.url.replace("127.0.0.1", "gateway.test");
  const page = await visit(browser, `${url}#token=${await plain.token()}`);
  await page.locator("[data-stand=refused]", { hasText: "CONTROL_UI_ORIGIN_NOT_ALLOWED" }).waitFor();
  await plain.run("config", "set", "gateway.controlUi.allowedOrigins", JSON.stringify([url.replace(/\/$/, "")]));
  await page.waitForSelector("[data-page=chat]");
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await page.goto(`${url}#/overview`);
  await page.locator("dd", { hasText: "readable for this page" }).waitFor();
  await page.reload();
  await page.locator("[data-page=overview]").waitFor();
  // What browsers say of a header that they take over HTTPS only.
  assert.deepEqual(page.problems.filter((text) => !text.includes("Cross-Origin-Opener-Policy")), []);
  await page.context().close();
  await plain.stop();
});

test("below a base path everything works the same", async () => {
  const moved = await Machine.start({ config: { gateway: { controlUi: { basePath: "/openclaw" } } } });
  const url = `${moved.url}openclaw`;
  const page = await visit(browser, `${url}#token=${await moved.token()}`);
  await page.waitForSelector("[data-page=chat]");
  assert.equal(page.url(), `${url}/`);
  await page.goto(`${url}/#/overview`);
  await page.locator("[data-page=overview]").waitFor();
  assert.equal((await page.request.get(moved.url)).status(), 404);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await moved.stop();
});

test("sessions are renamed, archived, started anew and deleted; a label cannot do anything", async () => {
  const page = await signedIn(browser, machine);
  page.on("dialog", (dialog) => dialog.accept());
  machine.model.says("noted");
  await machine.run("agent", "--message", "remember me", "--session-key", "scratch");
  await go(page, "sessions");
  const label = `<img src=x onerror="window.pwned=1">`;
  const row = (text) => page.locator("[data-page=sessions] .item", { hasText: text });
  await row("agent:main:scratch").getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Label").fill(label);
  await page.getByRole("button", { name: "Save" }).click();
  await row(label).waitFor();
  await page.locator(".session-list a", { hasText: label }).waitFor();
  await row(label).getByRole("button", { name: "Archive", exact: true }).click();
  await row(label).waitFor({ state: "detached" });
  await page.getByLabel("Show archived").check();
  await row(label).getByRole("button", { name: "Bring back" }).click();
  await page.locator(".session-list").getByRole("searchbox").fill("onerror");
  await until(async () => (await page.locator(".session-list li").count()) === 1, "the search");
  await row(label).getByRole("button", { name: "Delete" }).click();
  await row(label).waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("logs, configuration, trail and usage show what the Gateway says", async () => {
  const page = await signedIn(browser, machine);
  await go(page, "logs");
  await page.locator(".log-line").first().waitFor();
  await page.getByLabel("Show lines with").fill("no such line anywhere");
  await page.getByText("No line matches.").waitFor();
  await page.getByLabel("Show lines with").fill("");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.ok((await readFile(await file.path(), "utf8")).trim().startsWith("{"));

  await go(page, "config");
  await page.getByLabel("Key", { exact: true }).fill("gateway.port");
  await page.getByRole("button", { name: "Look up" }).click();
  await page.locator("[role=status] code", { hasText: "gateway.port" }).waitFor();
  const text = await page.locator("[data-page=config]").textContent();
  assert.ok(text.includes("openclaw.json") && text.includes("fake/m"), text);
  assert.ok(!text.includes('"apiKey": "k"') && !text.includes('"apiKey":"k"'), "a secret is shown");

  await go(page, "security");
  await page.locator("tbody tr", { hasText: "connects" }).first().waitFor();
  await page.getByLabel("Kind").selectOption("gateway");
  await until(async () => !(await page.locator("tbody").textContent()).includes("connects"), "the filter");

  await go(page, "usage");
  await page.locator("[data-section=sessions] summary").click();
  await page.locator("[data-section=sessions] tbody tr", { hasText: "1,200" }).first().waitFor();
  await page.getByText("No price is known for these models.").waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("usage is drawn by day, by model and by session, and the table beside it says the same", async () => {
  const other = await Machine.start({ cost: { input: 3, output: 15 } });
  for (const [session, answers] of [["much", 2], ["little", 1]]) {
    for (let n = 0; n < answers; n += 1) {
      other.model.says("Sure.");
      await other.run("agent", "--message", "hello", "--session-key", session);
    }
  }
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, locale: "en-US", colorScheme: "dark" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  // The Gateway is the real one; only the answer of one session is moved two days back.
  await page.routeWebSocket(/.*/, (near) => {
    const far = near.connectToServer();
    const asked = new Map();
    near.onMessage((text) => {
      const { id, method, params } = JSON.parse(text);
      if (method === "chat.history") asked.set(id, params.sessionKey.endsWith("little") ? 2 * 86_400_000 : 0);
      far.send(text);
    });
    far.onMessage((text) => {
      const frame = JSON.parse(text);
      for (const message of (asked.has(frame.id) && frame.payload?.messages) || []) {
        message.timestamp -= asked.get(frame.id);
      }
      near.send(JSON.stringify(frame));
    });
  });
  await page.goto(`${other.url}#token=${await other.token()}`);
  await page.locator("[data-page=chat]").waitFor();
  await go(page, "usage", other.url);
  await page.locator("[data-section=days] svg").first().waitFor();
  const columns = (part) => page.locator(`[data-section=days] figure`).first().locator(`rect.part-${part}`).evaluateAll((boxes) => boxes.map((box) => Math.round(Number(box.getAttribute("height")))));
  // 3,080 tokens today fill the height of 150; 2,400 of them were read. Half of that two days ago.
  assert.deepEqual(await columns(0), [...Array(11).fill(0), 58, 0, 117]);
  assert.deepEqual(await columns(1), [...Array(11).fill(0), 17, 0, 33]);
  assert.equal(await page.locator("[data-section=days] figure").count(), 2, "tokens and cost");
  const lines = async (section) => (await page.locator(`[data-section=${section}] .bars li`).allTextContents()).map((text) => text.replace(/\s+/g, " ").trim());
  assert.deepEqual(await lines("models"), ["fake/m 4,620 · $0.0261"]);
  assert.equal((await lines("sessions")).length, 2);
  assert.match((await lines("sessions"))[0], /3,080 · \$0\.0174$/);
  await page.locator("[data-section=days] summary").click();
  const row = page.locator("[data-section=days] tbody tr");
  assert.equal(await row.count(), 15);
  assert.match((await row.last().textContent()).replace(/\s+/g, " "), /Total ?3,600 ?1,020 ?\$0\.0261/);
  assert.equal(await page.locator(".page").evaluate((view) => view.scrollWidth - view.clientWidth), 0);
  assert.deepEqual(await faults(page), []);
  await go(page, "overview", other.url);
  await page.locator("[data-section=usage] svg").waitFor();
  assert.equal(await page.locator("[data-section=usage] rect.part-0").count(), 7);
  await context.close();
  await other.stop();
});

test("the configuration is changed by form and as text, compared first, refused with its line, and keeps its secrets", async () => {
  const other = await Machine.start();
  const file = async () => readFile(`${other.home}/.openclaw/openclaw.json`, "utf8");
  const before = JSON.parse(await file());
  const page = await signedIn(browser, other);
  await go(page, "config", other.url);
  await page.getByLabel("Find a setting").fill("tools.profile");
  await page.locator(".setting", { hasText: "tools.profile" }).getByRole("combobox").selectOption("minimal");
  await page.getByRole("button", { name: "Review changes (1)" }).click();
  await page.locator(".changes li", { hasText: "tools.profile" }).waitFor();
  assert.deepEqual(await faults(page), []);
  await page.getByRole("button", { name: "Apply (1)" }).click();
  await page.getByText("Saved. It holds at once.").waitFor();
  assert.deepEqual(JSON.parse(await file()), { ...before, tools: { profile: "minimal" } });

  const text = page.getByRole("textbox", { name: "The file" });
  await until(async () => (await text.inputValue()).includes("minimal"), "the new text");
  const shown = await text.inputValue();
  assert.ok(shown.includes("__OPENCLAW_REDACTED__") && !shown.includes('"k"'), shown);
  await text.fill(`{\n  // a note\n  tools: { profile: "no such" },\n${shown.slice(1, shown.indexOf('"tools"'))}}`);
  const raw = page.locator("form", { has: text });
  await raw.getByRole("button", { name: "Review changes" }).click();
  await raw.locator('[data-mark="+"]', { hasText: "a note" }).waitFor();
  await raw.getByRole("button", { name: "Apply" }).click();
  await raw.locator("[role=alert]", { hasText: "line 3" }).waitFor();
  const chosen = await text.evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
  assert.ok(chosen.includes("no such"), chosen);
  await text.fill((await text.inputValue()).replace("no such", "coding"));
  await raw.getByRole("button", { name: "Review changes" }).click();
  await raw.getByRole("button", { name: "Apply" }).click();
  await until(async () => (await file()).includes("coding"), "the file");
  const after = await file();
  assert.ok(after.includes("// a note") && after.includes('"apiKey":"k"'), after);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await other.stop();
});

test("whoever changes the configuration too often sees when to try again, and keeps what was written", async () => {
  const other = await Machine.start();
  const page = await signedIn(browser, other);
  await go(page, "config", other.url);
  const text = page.getByRole("textbox", { name: "The file" });
  await text.fill("{ tools: { profile: 'no such' } }");
  const raw = page.locator("form", { has: text });
  const banner = page.locator("[data-banner=limited]");
  await until(async () => {
    if (await banner.isVisible()) return true;
    await raw.getByRole("button", { name: "Review changes" }).click();
    await raw.getByRole("button", { name: "Apply" }).click();
    await raw.getByRole("button", { name: "Review changes" }).waitFor();
    return false;
  }, "the banner");
  assert.match(await banner.textContent(), /Try again in \d+ s/);
  assert.equal(await text.inputValue(), "{ tools: { profile: 'no such' } }");
  assert.deepEqual(await faults(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await other.stop();
});

test("Chinese words come with the page that needs them, and with the choice", async () => {
  const context = await browser.newContext({ locale: "zh-CN" });
  const page = await context.newPage();
  await page.goto(machine.url);
  await page.getByRole("heading", { name: "登录网关" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await page.getByLabel("语言").selectOption("en");
  await page.getByRole("heading", { name: "Sign in to the Gateway" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Sign in to the Gateway" }).waitFor();
  await page.getByLabel("Language").selectOption("zh-CN");
  await page.getByRole("heading", { name: "登录网关" }).waitFor();
  await context.close();
});

test("a command of the agent waits in the chat and on its page, and what a person says is done", async () => {
  const other = await Machine.start({ config: { tools: { exec: { security: "allowlist", ask: "on-miss" } } } });
  const page = await signedIn(browser, other);
  const ask = async (command) => {
    other.model.next((answer) => answer.call("exec", { command }));
    await page.getByLabel("Message", { exact: true }).fill(`run ${command}`);
    await page.keyboard.press("Enter");
    await page.locator(".chat .approval pre", { hasText: command }).waitFor();
  };
  await ask("id -u; echo allowed-$((40+2))");
  await page.locator("nav .badge", { hasText: "1" }).waitFor();
  assert.deepEqual(await faults(page), []);
  other.model.says("It ran.");
  await page.getByRole("button", { name: "Allow once" }).click();
  await page.getByRole("log").getByText("It ran.").waitFor();
  assert.ok(JSON.stringify(other.model.requests.at(-1).body).includes("allowed-42"), "the output reached the model");
  await page.locator(".approval").waitFor({ state: "detached" });

  await ask("echo denied-$((40+3))");
  await page.goto(`${other.url}#/approvals`);
  const waiting = page.locator("[data-section=waiting] .approval", { hasText: "denied-" });
  await waiting.waitFor();
  other.model.says("It did not run.");
  await waiting.getByRole("button", { name: "Deny" }).click();
  await page.getByText("Nothing waits for your word.").waitFor();
  await page.locator("[data-section=decided] .item", { hasText: "denied-" }).first().waitFor();
  await until(() => other.model.requests.length === 4, "the model was told");
  assert.ok(!JSON.stringify(other.model.requests.at(-1).body).includes("denied-43"));

  const rules = page.locator("[data-section=rules]");
  await rules.getByLabel("Path of a program").fill("/usr/bin/git");
  await rules.getByRole("button", { name: "Add" }).click();
  await rules.getByLabel("When nobody answers").selectOption("deny");
  await rules.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.reload();
  await rules.locator(".item", { hasText: "/usr/bin/git" }).waitFor();
  const kept = JSON.parse(await other.run("approvals", "get", "--json").catch(() => readFile(`${other.home}/.openclaw/exec-approvals.json`, "utf8")));
  assert.ok(JSON.stringify(kept).includes("/usr/bin/git"));
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await other.stop();
});

test("a command on a node prints while it runs", async () => {
  const other = await Machine.start();
  const rules = { version: 1, defaults: { security: "full", ask: "off" }, agents: {} };
  await writeFile(`${other.home}/.openclaw/exec-approvals.json`, JSON.stringify(rules), { mode: 0o600 });
  const node = other.spawn(["node", "run", "--url", other.url.replace("http", "ws"), "--token", await other.token(), "--display-name", "field"]);
  let said = "";
  node.stderr.on("data", (data) => (said += data));
  node.stdout.on("data", (data) => (said += data));
  const page = await signedIn(browser, other);
  await go(page, "devices", other.url);
  const box = page.locator("[data-section=nodes] .item", { hasText: "field" });
  await until(async () => {
    const approve = page.locator("[data-section=pending]").getByRole("button", { name: "Approve" });
    if (await approve.count()) await approve.first().click().catch(() => {});
    return await box.getByRole("button", { name: "Run" }).count();
  }, `the node: ${said}`);
  await box.getByLabel("Command").selectOption("system.run");
  const go_on = `${other.home}/go-on`;
  await box.getByLabel("Params (JSON)").fill(JSON.stringify({ rawCommand: `echo first; while [ ! -e ${go_on} ]; do sleep 0.05; done; echo last >&2; exit 3` }));
  await box.getByRole("button", { name: "Run" }).click();
  await box.locator(".output", { hasText: "first" }).waitFor();
  assert.ok(!(await box.locator(".output").textContent()).includes("last"));
  await writeFile(go_on, "");
  await box.locator('.output [data-stream="stderr"]', { hasText: "last" }).waitFor();
  await box.getByText("Ended with 3").waitFor();
  assert.deepEqual(page.problems, []);
  node.kill();
  await page.context().close();
  await other.stop();
});

test("the audit finds an open file and closes it at one click; a picture says how to come here", async () => {
  const other = await Machine.start();
  const file = `${other.home}/.openclaw/openclaw.json`;
  await chmod(file, 0o644);
  const page = await signedIn(browser, other);
  await go(page, "security", other.url);
  const found = page.locator("[data-section=audit] .item", { hasText: "openclaw.json" }).filter({ has: page.getByRole("button", { name: "Set right" }) });
  await found.first().getByRole("button", { name: "Set right" }).click();
  await until(async () => ((await stat(file)).mode & 0o777) === 0o600, "the closed file");
  await found.first().waitFor({ state: "detached" });
  await go(page, "connect", other.url);
  await until(() => page.locator("canvas.qr").first().evaluate((canvas) => canvas.width > 20), "the picture");
  assert.deepEqual(await faults(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await other.stop();
});

test("the shell opens without a Gateway, and nothing else is kept", async () => {
  const other = await Machine.start();
  const page = await signedIn(browser, other);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await until(() => page.evaluate(() => Boolean(navigator.serviceWorker.controller)), "the worker");
  await page.reload();
  await page.locator("[data-page=chat]").waitFor();
  const kept = await page.evaluate(async () => (await (await caches.open("shell-1")).keys()).map(({ url }) => url));
  assert.ok(kept.some((url) => url === other.url) && kept.some((url) => url.includes("/assets/")), String(kept));
  assert.ok(kept.every((url) => !url.includes("token") && !/[?#]/.test(url)), String(kept));
  await other.down();
  await page.reload();
  await page.getByText("Not connected").first().waitFor();
  await other.up();
  await page.locator("[data-page=chat]").waitFor();
  await page.context().close();
  await other.stop();
});

test("the keyboard alone is enough: palette, theme, language", async () => {
  const page = await signedIn(browser, machine);
  await page.keyboard.press("Control+k");
  await page.locator("dialog.palette").waitFor();
  await page.keyboard.type("overv");
  await page.keyboard.press("Enter");
  await page.locator("[data-page=overview]").waitFor();
  await page.getByRole("button", { name: /^Theme/ }).press("Enter");
  await page.getByRole("button", { name: /^Theme/ }).press("Enter");
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  await page.getByLabel("Language").selectOption("zh-CN");
  await page.locator("h1", { hasText: "概览" }).waitFor();
  await page.reload();
  await page.locator("h1", { hasText: "概览" }).waitFor();
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("what is fetched is small, comes from here, and is kept for ever where its name says so", async () => {
  const page = await visit(browser, "about:blank");
  const files = [];
  page.on("response", async (response) => {
    const headers = await response.allHeaders();
    files.push({ url: response.url(), headers, bytes: Number(headers["content-length"] ?? 0) });
  });
  await page.goto(`${machine.url}#token=${await machine.token()}`);
  await page.waitForSelector("[data-page=chat]");
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(total > 10_000 && total <= 70 * 1024, `${total} bytes on the critical path`);
  for (const { url, headers } of files) {
    assert.ok(url.startsWith(machine.url), url);
    assert.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(headers["cache-control"].includes("immutable"), url.includes("/assets/"), url);
    assert.equal(headers["content-encoding"], "br");
  }
  await page.context().close();
});
