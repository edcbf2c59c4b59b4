// The chat page in a real browser: signing in, streaming, abort, cuts, tools, hostile text.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Link, Machine, launch, signedIn, until, visit } from "./harness.mjs";

let machine;
let browser;
before(async () => {
  [machine, browser] = await Promise.all([Machine.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await Machine.stopAll();
});

const say = async (page, text) => {
  await page.fill("textarea", text);
  await page.press("textarea", "Enter");
};
const open = async (session) => {
  const page = await signedIn(browser, machine);
  await page.goto(`${machine.url}#/chat/${session}`);
  await until(async () => (await page.locator(".chat h1").textContent()) === session, "the session");
  return page;
};
const answer = (page, text) => page.locator(".turn.assistant:not(.live)", { hasText: text }).waitFor();

test("a token in the fragment signs in, is removed at once, and is not needed again", async () => {
  const page = await signedIn(browser, machine);
  assert.equal(page.url(), machine.url);
  await page.reload();
  await page.waitForSelector("[data-page=chat]");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("before anybody signs in nothing tells a version, and a wrong token is said to be one", async () => {
  const { version } = JSON.parse(await machine.run("status", "--json")).gateway ?? {};
  const page = await visit(browser, machine.url);
  await page.waitForSelector("[data-stand=credential]");
  for (const path of ["", "manifest.webmanifest"]) {
    const text = await (await page.request.get(machine.url + path)).text();
    assert.ok(!text.includes("0.1.0") && !(version && text.includes(version)), path);
  }
  await page.fill("[name=secret]", "wrong");
  await page.click(".gate button.primary");
  await page.locator(".gate .bad").waitFor();
  await page.fill("[name=secret]", await machine.token());
  await page.click(".gate button.primary");
  await page.waitForSelector("[data-page=chat]");
  await page.context().close();
});

test("an answer streams as Markdown, and code can be copied", async () => {
  const page = await open("stream");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  machine.model.next(async (reply) => {
    reply.text("Hello **wor");
    await page.locator(".live", { hasText: "Hello" }).waitFor();
    reply.text("ld**\n\n```js\nlet x = 1;\n```\n");
    await page.locator(".live strong", { hasText: "world" }).waitFor();
    reply.end();
  });
  await say(page, "hi");
  await answer(page, "world");
  await page.locator(".code-bar button").click();
  await page.locator(".code-bar button", { hasText: "Copied" }).waitFor();
  assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), "let x = 1;");
  assert.equal(await page.locator(".turn.user").count(), 1);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("stop ends the provider's stream", async () => {
  const page = await open("abort");
  let closed;
  machine.model.next(async (reply) => {
    closed = reply.closed;
    reply.text("I will never end");
  });
  await say(page, "go on for ever");
  await page.locator(".live", { hasText: "never end" }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await closed;
  await page.locator(".live").waitFor({ state: "detached" });
  await answer(page, "Stopped");
  await page.context().close();
});

test("a reply that was streaming when the link was cut is whole again", async () => {
  const link = await Link.to(machine.port);
  const page = await signedIn(browser, machine, { url: link.url });
  await page.goto(`${link.url}#/chat/cut`);
  const words = "one two three four five six seven";
  machine.model.next(async (reply) => {
    reply.text("one two three ");
    await page.locator(".live", { hasText: "three" }).waitFor();
    link.cut();
    await page.locator("[data-banner=reconnecting]").waitFor();
    reply.text("four five six seven");
    reply.end();
    await until(async () => (await machine.run("sessions", "show", "cut", "--json")).includes(words), "the stored answer");
    link.mend();
  });
  await say(page, "count");
  await answer(page, words);
  await page.locator("[data-banner]").waitFor({ state: "detached" });
  assert.equal(await page.locator(".turn.assistant").count(), 1);
  assert.equal(await page.locator(".turn.user").count(), 1);
  await page.context().close();
  link.stop();
});

test("a message sent while the Gateway restarts is sent once, when it is back", async () => {
  const page = await open("restart");
  await machine.down();
  await page.locator("[data-banner]").waitFor();
  await say(page, "are you there?");
  await page.locator(".turn.user.pending").waitFor();
  machine.model.says("I am back.");
  await machine.up();
  await answer(page, "I am back.");
  assert.equal(await page.locator(".turn.user").count(), 1);
  await page.context().close();
});

test("tool calls are folded and hold what came out", async () => {
  const page = await open("tools");
  machine.model.next((reply) => reply.call("session_status", {}));
  machine.model.says("Done.");
  await say(page, "run it");
  await answer(page, "Done.");
  const tool = page.locator("details.tool");
  assert.equal(await tool.count(), 1);
  assert.equal(await tool.getAttribute("open"), null);
  await tool.locator("summary").click();
  await tool.locator("pre").first().waitFor({ state: "visible" });
  await page.context().close();
});

test("drafts are kept, per session, and slash commands complete", async () => {
  const page = await open("drafts");
  await page.fill("textarea", "half a thou");
  await page.goto(`${machine.url}#/chat/other`);
  await until(async () => (await page.inputValue("textarea")) === "", "the other draft");
  await page.goto(`${machine.url}#/chat/drafts`);
  await until(async () => (await page.inputValue("textarea")) === "half a thou", "the draft");
  await page.fill("textarea", "/");
  await page.locator(".completions li").first().waitFor();
  await page.locator("textarea").pressSequentially("stat");
  await page.press("textarea", "Tab");
  assert.match(await page.inputValue("textarea"), /^\/status ?$/);
  await page.press("textarea", "Enter");
  await page.locator(".turn", { hasText: "fake/m" }).first().waitFor();
  await page.context().close();
});

test("older messages come as one scrolls up", async () => {
  const page = await open("long");
  for (let n = 0; n < 33; n += 1) {
    machine.model.says(`answer ${n}.`);
    await say(page, `question ${n}.`);
    await answer(page, `answer ${n}.`);
  }
  await page.reload();
  await page.locator(".turn", { hasText: "answer 32." }).waitFor();
  assert.equal(await page.locator(".turn", { hasText: "question 0." }).count(), 0);
  await until(async () => {
    await page.locator(".log").evaluate((log) => (log.scrollTop = 0));
    return (await page.locator(".turn", { hasText: "question 0." }).count()) === 1;
  }, "the first message");
  const said = await page.locator(".turn.user .said").allTextContents();
  assert.deepEqual(said.map((text) => text.trim()), Array.from({ length: 33 }, (_, n) => `question ${n}.`));
  await page.context().close();
});

const HOSTILE = [
  `<script>window.pwned = 1</script>`,
  `<img src=x onerror="window.pwned = 1">`,
  `<svg onload="window.pwned = 1"><a xlink:href="javascript:window.pwned=1"><text>x</text></a></svg>`,
  `[click](javascript:window.pwned=1)`,
  `[click](JaVaScRiPt:window.pwned=1)`,
  `[click](data:text/html,<script>window.pwned=1</script>)`,
  `[click](vbscript:x)`,
  `![x](javascript:window.pwned=1)`,
  `![x](https://evil.example/pixel.png)`,
  `<a href="java\nscript:window.pwned=1">x</a>`,
  `<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwned=1&gt;">`,
  `<details open ontoggle="window.pwned=1"><summary>x</summary></details>`,
  `<form action="https://evil.example"><input name=a><button>send</button></form>`,
  `<style>* { display: none }</style>`,
  `<div class="gate card" id="main" style="position:fixed;inset:0">Sign in</div>`,
  `<base href="https://evil.example/">`,
  `<meta http-equiv="refresh" content="0;url=https://evil.example">`,
  `<object data="x"></object><embed src="x">`,
  "```html\n</code></pre><script>window.pwned=1</script>\n```",
  "| a | b |\n|---|---|\n| <img src=x onerror=window.pwned=1> | [x](javascript:window.pwned=1) |",
];

test("no text of a model, a person, a tool or a session's name runs or looks like the page", async () => {
  const page = await open("hostile");
  const asked = [];
  await page.route("**/*", (route) => {
    if (!route.request().url().startsWith(machine.url)) asked.push(route.request().url());
    return route.continue();
  });
  const all = HOSTILE.join("\n\n");
  machine.model.next((reply) => reply.call(HOSTILE[1], { command: HOSTILE[0] }));
  machine.model.says(`${all}\n\nend of it`);
  await say(page, `${all} end of mine`);
  await answer(page, "end of it");
  await page.evaluate((label) => window.localStorage.setItem("openclaw.draft.hostile", label), HOSTILE[1]);
  for (const details of await page.locator("details.tool").all()) await details.locator("summary").click();
  for (const link of await page.locator(".said a").all()) {
    const href = (await link.getAttribute("href")) ?? "";
    assert.match(href, /^(https?:|mailto:|$)/i);
  }
  const found = await page.evaluate(() => ({
    pwned: window.pwned ?? null,
    bad: document.querySelectorAll(".said :is(script, iframe, object, embed, form, style, base, meta, svg:not(summary svg), math, img)").length,
    dressed: document.querySelectorAll(".said [style], .said [id], .said .gate, .said .card").length,
    handlers: [...document.querySelectorAll(".said *")].filter((node) => [...node.attributes].some(({ name }) => name.startsWith("on"))).length,
  }));
  assert.deepEqual(found, { pwned: null, bad: 0, dressed: 0, handlers: 0 });
  assert.deepEqual(asked, []);
  await page.context().close();
});

test("an address that names another Gateway connects to nobody", async () => {
  const page = await signedIn(browser, machine);
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.goto("about:blank");
  await page.goto(`${machine.url}?gatewayUrl=ws://127.0.0.1:9/&token=x#gatewayUrl=ws://127.0.0.1:9/`);
  await page.locator("[data-banner=foreign]").waitFor();
  await page.waitForSelector("[data-page=chat]");
  assert.equal(page.url(), machine.url);
  assert.ok(sockets.every((url) => url === machine.url.replace("http", "ws")), sockets.join());
  await page.context().close();
});
