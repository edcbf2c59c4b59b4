// A server of tools for tests: the Model Context Protocol by hand, over standard input and output or, with
// --http, over streamable HTTP on a free port that it prints. Its tools misbehave on request.
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const flags = new Set(process.argv.slice(2));
const text = (value) => ({ content: [{ type: "text", text: value }] });
const object = (properties = {}) => ({ type: "object", properties });
const waiting = [];
const extra = [];
let say = () => {};

if (process.env.STARTS) appendFileSync(process.env.STARTS, `${process.pid}\n`);
if (process.env.COMPLAINT) process.stderr.write(`complains: ${process.env.COMPLAINT}\n`);
if (flags.has("--crash")) process.exit(3);

const tools = {
  echo: [object({ text: { type: "string" } }), ({ text: said }) => text(`echo: ${said}`)],
  environment: [object(), () => text(JSON.stringify(process.env))],
  folder: [object(), () => text(process.cwd())],
  read: [object({ path: { type: "string" } }), ({ path }) => text(readFileSync(path, "utf8"))],
  // Never answers.
  stall: [object(), () => new Promise(() => {})],
  // Answers when it was called twice.
  meet: [object(), () => new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 2) waiting.splice(0).forEach((met) => met(text("met")));
  })],
  crash: [object(), () => process.exit(3)],
  child: [object(), () => text(String(spawn("sleep", ["600"], { stdio: "ignore" }).pid))],
  huge: [object({ chars: { type: "integer" } }), ({ chars }) => text("x".repeat(chars))],
  fails: [object(), () => ({ isError: true, ...text("no such page") })],
  refuses: [object(), () => { throw new Error("not today"); }],
  // Lines that are no messages, and one that answers nobody.
  garbage: [object(), () => {
    process.stdout.write("this is no message\n{\n[]\n{\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}\n");
    return text("after the garbage");
  }],
  malformed: [object(), () => ({ content: "not a list" })],
  grow: [object(), () => {
    extra.push("grown");
    say({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    return text("one more");
  }],
};

function list() {
  const named = Object.entries(tools).map(([name, [inputSchema]]) => ({
    name, inputSchema, description: `Does ${name}.`,
  }));
  return { tools: [...named, ...extra.map((name) => ({ name, inputSchema: object() }))] };
}

async function answer({ id, method, params }) {
  const reply = (result) => ({ jsonrpc: "2.0", id, result });
  const refuse = (code, message) => ({ jsonrpc: "2.0", id, error: { code, message } });
  if (method === "initialize") {
    if (flags.has("--silent")) return new Promise(() => {});
    return reply({
      protocolVersion: params.protocolVersion,
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: "stand-in", version: "1" },
    });
  }
  if (method === "ping") return reply({});
  if (method === "tools/list") return reply(list());
  if (method === "tools/call") {
    const tool = tools[params.name];
    if (!tool) return refuse(-32602, `no tool ${params.name}`);
    try {
      return reply(await tool[1](params.arguments ?? {}));
    } catch (error) {
      return refuse(-32000, error.message);
    }
  }
  return id === undefined ? undefined : refuse(-32601, `no method ${method}`);
}

if (flags.has("--http")) {
  const server = createServer((request, response) => {
    const end = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? "" : JSON.stringify(body));
    };
    if (request.headers.authorization !== "Bearer the-key") return end(401, { error: "who are you?" });
    if (request.url === "/away") {
      response.writeHead(307, { location: "/mcp" });
      return response.end();
    }
    if (request.method !== "POST") return end(405);
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", async () => {
      const reply = await answer(JSON.parse(body));
      reply === undefined ? end(202) : end(200, reply);
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
  process.stdin.on("end", () => process.exit(0)).resume();
} else {
  say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const reply = await answer(JSON.parse(line));
    if (reply !== undefined) say(reply);
  }).on("close", () => process.exit(0));
}
