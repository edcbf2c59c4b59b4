// The chat page in a real browser: signing in, streaming, abort, cuts, tools, hostile text.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { longestTask } from "../bench/tasks.mjs";
import { HOSTILE } from "./hostile.mjs";
import { Link, PATIENCE, Machine, launch, signedIn, until, visit } from "./harness.mjs";

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

test("code is coloured once it stands, and stays the text it is", async () => {
  const page = await open("colours");
  const code = 'const x = "<b>&amp;</b>"; // note';
  machine.model.says(`\`\`\`js\n${code}\n\`\`\`\n\n\`\`\`nonsense\nlet y\n\`\`\``);
  await say(page, "code, please");
  await page.locator(".markdown .hl-keyword", { hasText: "const" }).waitFor();
  assert.equal((await page.locator(".markdown pre").first().textContent()).trim(), code);
  assert.equal(await page.locator(".markdown pre").nth(1).locator("span").count(), 0);
  assert.equal(await page.locator(".markdown pre b").count(), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a picture goes by paste, a file by drop, and both reach the model", async () => {
  const page = await open("files");
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const give = (kind, name, type, base64) => page.getByLabel("Message", { exact: true }).evaluate((box, [kind, name, type, base64]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type }));
    const event = kind === "paste"
      ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
      : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    box.dispatchEvent(event);
  }, [kind, name, type, base64]);
  await give("paste", "pixel.png", "image/png", pixel);
  await page.locator(".files img").waitFor();
  await give("drop", "note.txt", "text/plain", Buffer.from("the note says 4711").toString("base64"));
  const box = page.getByLabel("Message", { exact: true });
  await until(async () => (await box.inputValue()).includes("the note says 4711"), "the text of the file");
  await give("drop", "blob.bin", "application/octet-stream", Buffer.from([0, 255, 0, 1]).toString("base64"));
  await page.getByText("blob.bin is neither").waitFor();
  machine.model.says("I see both.");
  await box.press("Enter");
  await answer(page, "I see both.");
  const sent = JSON.stringify(machine.model.requests.at(-1).body);
  assert.ok(sent.includes(pixel), "the picture");
  assert.ok(sent.includes("note.txt") && sent.includes("4711"), "the file");
  assert.equal(await page.locator(".files li").count(), 0);

  // Histories leave pictures out; whoever looks at one is brought it, and one that an answer names too.
  await mkdir(join(machine.home, ".openclaw/workspace"), { recursive: true });
  await writeFile(join(machine.home, ".openclaw/workspace/plot.png"), Buffer.from(pixel, "base64"));
  machine.model.says("Drawn.\nMEDIA:plot.png");
  await say(page, "draw it");
  await answer(page, "Drawn.");
  await page.reload();
  await answer(page, "Drawn.");
  for (const who of ["user", "assistant"]) {
    const picture = page.locator(`.turn.${who} img.picture`);
    await picture.waitFor();
    assert.equal(await picture.evaluate((image) => image.decode().then(() => image.naturalWidth)), 1, who);
  }
  assert.equal(await page.getByText("MEDIA:").count(), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("of five thousand messages only those near what is seen are drawn, and every one can be reached", async () => {
  const TOTAL = 5_000;
  const message = (n) => ({
    role: n % 2 ? "assistant" : "user",
    content: [{ type: "text", text: n % 2 ? `Answer **${n}**: see \`file-${n}.txt\`.\n\n- one\n- two\n\n\`\`\`sh\necho ${n}\n\`\`\`` : `question ${n}` }],
    timestamp: 1_700_000_000_000 + n * 1000,
    __openclaw: { id: `m-${n}`, seq: n + 1 },
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  // The Gateway is the real one; only what it says of this session's history is made up.
  await page.routeWebSocket(/.*/, (near) => {
    const far = near.connectToServer();
    const asked = new Map();
    near.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.method === "chat.history" || frame.method === "chat.startup") asked.set(frame.id, frame.params);
      far.send(text);
    });
    far.onMessage((text) => {
      const frame = JSON.parse(text);
      const params = frame.type === "res" && asked.get(frame.id);
      if (!params) return near.send(text);
      const end = TOTAL - (params.offset ?? 0);
      const begin = Math.max(0, end - params.limit);
      frame.payload.messages = Array.from({ length: end - begin }, (_, at) => message(begin + at));
      Object.assign(frame.payload, { hasMore: begin > 0, nextOffset: TOTAL - begin });
      near.send(JSON.stringify(frame));
    });
  });
  await page.goto(`${machine.url}#token=${await machine.token()}`);
  await page.locator("[data-page=chat] .turn", { hasText: `Answer ${TOTAL - 1}` }).waitFor();
  const paging = await longestTask(page, () => until(() => page.locator(".log").evaluate((log) => {
    log.scrollTop = 0;
    return [...log.querySelectorAll(".turn.user .said")].at(0)?.textContent.trim() === "question 0";
  }), "the first message"));
  const turns = await page.locator(".turn").count();
  const walking = await longestTask(page, () => page.locator(".log").evaluate(async (log) => {
    let frames = 0;
    for (let at = 0; at < log.scrollHeight; at += 700) {
      log.scrollTop = at;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      frames += 1;
    }
    return frames;
  }));
  console.log(`longest task while paging ${paging.longest} ms of ${paging.tasks}, while scrolling ${walking.longest} ms of ${walking.tasks} (${walking.result} frames)`);
  assert.ok(turns > 0 && turns < 300, `${turns} turns are drawn`);
  assert.ok(walking.result > 500, `${walking.result} frames`);
  assert.ok(paging.longest <= 50, `${paging.longest} ms while paging`);
  assert.ok(walking.longest <= 50, `${walking.longest} ms while scrolling`);
  await context.close();
});

test("a very long answer is drawn in pieces that nothing waits for, and looks as one", async () => {
  const page = await open("huge");
  const paragraphs = Array.from({ length: 90 }, (_, n) => `## Part ${n}\n\nText **${n}** with [a link][far], \`code\` and words that go on for a while.\n\n- one\n- two\n\n\`\`\`sh\necho ${n}\n\`\`\``);
  // Whoever shares the processor makes its time longer too; what is smooth once in three is smooth.
  let drawn;
  for (let times = 1; times <= 3 && !(drawn?.longest <= 50); times += 1) {
    machine.model.says(`${paragraphs.join("\n\n")}\n\n[far]: https://example.org/far\n`);
    drawn = await longestTask(page, async () => {
      await say(page, "tell me everything");
      await until(async () => (await page.locator(".turn.assistant:not(.live)", { hasText: "Part 89" }).count()) === times, "the answer");
    });
  }
  const last = page.locator(".turn.assistant").last();
  assert.equal(await last.locator("h2").count(), 90);
  assert.equal(await last.locator("li").count(), 180);
  assert.equal(await last.locator("pre").count(), 90);
  assert.equal(await last.locator("a[href='https://example.org/far']").count(), 90);
  assert.ok(!(await last.textContent()).includes("[far]"));
  console.log(`longest task while a long answer is drawn ${drawn.longest} ms of ${drawn.tasks}`);
  assert.ok(drawn.longest <= 50, `${drawn.longest} ms`);
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

test("what is sent meanwhile waits for its turn", async () => {
  const page = await open("meanwhile");
  // What the Gateway has taken, as its answers say.
  const asking = new Map();
  const taken = [];
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => {
      const { id, method, params } = JSON.parse(String(payload));
      if (method === "chat.send") asking.set(id, params.message);
    });
    socket.on("framereceived", ({ payload }) => {
      const { type, id, ok } = JSON.parse(String(payload));
      if (type === "res" && ok && asking.has(id)) taken.push(asking.get(id));
    });
  });
  await page.reload();
  await until(async () => (await page.locator(".chat h1").textContent()) === "meanwhile", "the session");
  const asked = () => machine.model.requests.filter(({ body }) => JSON.stringify(body.messages).includes("the first of two")).map(({ body }) => JSON.stringify(body.messages));
  let goOn;
  machine.model.next(async (reply) => {
    reply.text("one begins");
    await new Promise((resolve) => (goOn = resolve));
    reply.text(" and ends");
    reply.end();
  });
  await say(page, "the first of two");
  await page.locator(".live", { hasText: "one begins" }).waitFor();
  await page.fill("textarea", "the second of two");
  await page.getByRole("button", { name: "Queue" }).click();
  await page.locator(".turn.user", { hasText: "the second of two" }).waitFor();
  await until(() => taken.includes("the second of two"), "the answer to it");
  assert.equal(asked().length, 1);

  machine.model.says("two is answered");
  goOn();
  await answer(page, "two is answered");
  assert.equal(asked().length, 2);
  assert.ok(asked()[1].includes("one begins and ends") && asked()[1].includes("the second of two"));
  assert.deepEqual(page.problems, []);
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
  // Only what is near is drawn, so it is read on the way down; what is drawn stands in order, nothing twice.
  const log = page.locator(".log");
  const seen = new Set();
  await until(async () => {
    const said = (await page.locator(".turn.user .said").allTextContents()).map((text) => Number(/question (\d+)\./.exec(text)[1]));
    assert.deepEqual(said, [...new Set(said)].sort((one, other) => one - other));
    for (const number of said) seen.add(`question ${number}.`);
    return log.evaluate((view) => {
      const isAtEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - 1;
      view.scrollTop += 300;
      return isAtEnd;
    });
  }, "the last message");
  assert.deepEqual([...seen].sort((one, other) => one.localeCompare(other, "en", { numeric: true })), Array.from({ length: 33 }, (_, n) => `question ${n}.`));
  await page.context().close();
});

test("no text of a model, a person, a tool or a session's name runs or looks like the page", async () => {
  const page = await open("hostile");
  const asked = [];
  await page.route("**/*", (route) => {
    if (!route.request().url().startsWith(machine.url)) asked.push(route.request().url());
    return route.continue();
  });
  assert.ok(HOSTILE.length >= 30);
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

test("no name of a node, a device, a session or a file runs or looks like the page", async () => {
  machine.model.says("named");
  await machine.run("agent", "--message", "a session that has a name", "--session-key", "named");
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const names = ["displayName", "label", "derivedTitle", "lastMessagePreview", "clientId", "platform"];
  let given = 0;
  // The Gateway is the real one; only the names in its answers are what an enemy would choose.
  const spoil = (value) => {
    if (!value || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(spoil);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => {
      return [key, names.includes(key) && typeof inner === "string" ? HOSTILE[given++ % HOSTILE.length] : spoil(inner)];
    }));
  };
  await page.routeWebSocket(/.*/, (near) => {
    const far = near.connectToServer();
    const asked = new Map();
    near.onMessage((text) => {
      const { id, method } = JSON.parse(text);
      if (method === "node.list" || method === "sessions.list") asked.set(id, method);
      far.send(text);
    });
    far.onMessage((text) => {
      const frame = JSON.parse(text);
      const method = frame.type === "res" && frame.ok && asked.get(frame.id);
      if (!method) return near.send(text);
      if (method === "node.list") {
        frame.payload.nodes = HOSTILE.map((name, at) => ({ nodeId: `n${at}`, displayName: name, platform: name, connected: at % 2 === 0, paired: true, caps: [name], commands: ["system.run"] }));
      } else {
        const [row] = frame.payload.sessions;
        if (row) frame.payload.sessions = HOSTILE.map((name, at) => ({ ...row, key: `${row.key}-${at}`, label: name, displayName: name, derivedTitle: name }));
      }
      near.send(JSON.stringify({ ...frame, payload: spoil(frame.payload) }));
    });
  });
  await page.goto(`${machine.url}#token=${await machine.token()}`);
  await page.getByLabel("Message", { exact: true }).evaluate((box, names) => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File([new Uint8Array([137, 80, 78, 71])], name, { type: "image/png" }));
    box.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  }, HOSTILE.slice(0, 4));
  await page.locator(".files", { hasText: "window.pwned" }).first().waitFor();
  for (const place of ["chat", "overview", "devices", "approvals", "sessions"]) {
    await page.goto(`${machine.url}#/${place}`);
    await page.locator(`[data-page=${place}]`).waitFor();
    if (place === "devices" || place === "sessions") await page.locator(`[data-page=${place}]`, { hasText: "onerror" }).waitFor();
    const found = await page.evaluate(() => ({
      pwned: window.pwned ?? null,
      bad: document.querySelectorAll("#app :is(script, iframe, object, embed, form[action], style, base, meta, link, math, video, audio, svg script, img[src='x'])").length,
      handlers: [...document.querySelectorAll("#app *")].filter((node) => [...node.attributes].some(({ name }) => name.startsWith("on"))).length,
    }));
    assert.deepEqual(found, { pwned: null, bad: 0, handlers: 0 }, place);
  }
  assert.ok(given > HOSTILE.length, `${given} names were given`);
  await context.close();
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
