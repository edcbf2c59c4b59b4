// A Gateway of the built binary with a model that the test plays, and a real Chromium.

import { spawn } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, createServer as createLink } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const OPENCLAW = process.env.OPENCLAW ?? new URL("../../target/debug/openclaw", import.meta.url).pathname;
const CHROMIUM = "/usr/bin/chromium";

/** Longest that anything may take on a busy machine. */
export const PATIENCE = Number(process.env.PATIENCE ?? 30_000);

/** Waits until something holds. */
export async function until(holds, what = "it") {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} never came`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A model provider whose answers the test writes: each request waits for its script. */
export class Model {
  requests = [];
  #waiting = [];
  #scripts = [];

  static async start() {
    const model = new Model();
    model.server = createServer((request, response) => model.#serve(request, response));
    await new Promise((resolve) => model.server.listen(0, "127.0.0.1", resolve));
    model.port = model.server.address().port;
    return model;
  }

  async #serve(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const answer = new Answer(response);
    this.requests.push({ body: JSON.parse(body || "{}"), answer });
    const script = this.#scripts.shift();
    if (script) await script(answer);
    else this.#waiting.push(answer);
  }

  /** Plays this to the next request. */
  next(script) {
    const answer = this.#waiting.shift();
    if (answer) void script(answer);
    else this.#scripts.push(script);
  }

  /** Answers the next request with a text. */
  says(text) {
    this.next(async (answer) => {
      answer.text(text);
      answer.end();
    });
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** One streamed answer. */
class Answer {
  constructor(response) {
    this.response = response;
    this.closed = new Promise((resolve) => response.on("close", resolve));
    response.writeHead(200, { "content-type": "text/event-stream" });
  }

  #chunk(delta, finish = null) {
    const choice = { index: 0, delta, finish_reason: finish };
    this.response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice] })}\n\n`);
  }

  text(content) {
    this.#chunk({ role: "assistant", content });
  }

  call(name, args) {
    const call = { index: 0, id: `call_${Math.random().toString(36).slice(2)}`, type: "function", function: { name, arguments: JSON.stringify(args) } };
    this.#chunk({ role: "assistant", tool_calls: [call] });
    this.end("tool_calls");
  }

  end(finish = "stop") {
    this.#chunk({}, finish);
    const usage = { prompt_tokens: 1200, completion_tokens: 340, total_tokens: 1540 };
    this.response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage })}\n\n`);
    this.response.end("data: [DONE]\n\n");
  }
}

/** A link to a port that can be cut and mended. */
export class Link {
  #sockets = new Set();

  static async to(port) {
    const link = new Link();
    link.server = createLink((near) => {
      if (link.isCut) return near.destroy();
      const far = connect(port, "127.0.0.1");
      for (const [one, other] of [[near, far], [far, near]]) {
        link.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          link.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    await new Promise((resolve) => link.server.listen(0, "127.0.0.1", resolve));
    link.url = `http://127.0.0.1:${link.server.address().port}/`;
    return link;
  }

  cut() {
    this.isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  stop() {
    this.cut();
    this.server.close();
  }
}

/** A home folder with a Gateway. */
export class Machine {
  static #all = new Set();
  children = new Set();

  /** Stops those that a test left behind when it failed. */
  static async stopAll() {
    await Promise.all([...Machine.#all].map((machine) => machine.stop()));
  }

  static async start({ config = {}, args = [], cost } = {}) {
    const machine = new Machine();
    Machine.#all.add(machine);
    machine.home = await mkdtemp(join(tmpdir(), "openclaw-ui-"));
    machine.model = await Model.start();
    await mkdir(join(machine.home, ".openclaw"), { mode: 0o700 });
    const models = {
      providers: {
        fake: { baseUrl: `http://127.0.0.1:${machine.model.port}/v1`, apiKey: "k", api: "openai-completions", models: [{ id: "m", name: "Scripted", input: ["text", "image"], ...(cost && { cost }) }] },
      },
    };
    const whole = { agents: { defaults: { model: "fake/m" } }, models, ...config };
    await writeFile(join(machine.home, ".openclaw/openclaw.json"), JSON.stringify(whole), { mode: 0o600 });
    machine.args = args;
    await machine.up(0);
    return machine;
  }

  /** Starts the Gateway. */
  async up(port = this.port) {
    this.gateway = this.spawn(["gateway", "run", "--port", String(port), ...this.args]);
    let said = "";
    this.gateway.stdout.on("data", (data) => (said += data));
    this.gateway.stderr.on("data", (data) => (said += data));
    const address = await until(() => /ws:\/\/127\.0\.0\.1:(\d+)[\s\S]*From afar/.exec(said) ?? (this.gateway.exitCode !== null && Promise.reject(new Error(said))), "the Gateway");
    this.port = Number(address[1]);
    this.url = `http://127.0.0.1:${this.port}/`;
  }

  /** Ends the Gateway. */
  async down(signal = "SIGTERM") {
    const { gateway } = this;
    const ended = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill(signal);
    await ended;
  }

  spawn(args) {
    const child = spawn(OPENCLAW, args, { cwd: this.home, env: { HOME: this.home }, stdio: ["ignore", "pipe", "pipe"] });
    this.children.add(child);
    child.once("exit", () => this.children.delete(child));
    return child;
  }

  /** Runs a command to its end. */
  async run(...args) {
    const child = this.spawn(args);
    let out = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (out += data));
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`openclaw ${args.join(" ")}: ${code}\n${out}`);
    return out;
  }

  async token() {
    const { source } = JSON.parse(await this.run("gateway", "auth-token", "--json"));
    return (await readFile(source, "utf8")).trim();
  }

  async stop() {
    Machine.#all.delete(this);
    const { gateway } = this;
    for (const child of this.children) if (child !== gateway) child.kill("SIGKILL");
    if (gateway && gateway.exitCode === null && gateway.signalCode === null) await this.down("SIGKILL");
    this.model?.stop();
    await rm(this.home, { recursive: true, force: true });
  }
}

/** The browser; one for a whole file of tests. */
export function launch(options = {}) {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"], ...options });
}

/** A page of a fresh profile that remembers what went wrong on it. */
export async function visit(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.problems = [];
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  await page.goto(url);
  return page;
}

/** A page that is signed in with the token. */
export async function signedIn(browser, machine, options = {}) {
  const page = await visit(browser, `${options.url ?? machine.url}#token=${await machine.token()}`, options);
  await page.waitForSelector("[data-page]");
  return page;
}
