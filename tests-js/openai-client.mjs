// Drives the published `openai` client for a test written in another language: one JSON command per line on
// standard input, one JSON report per line on standard output. Ends when its standard input ends.
//
// Commands                                              Reports
// {"do":"client","options":{baseURL, apiKey, …}}        {"ready":true}
// {"do":"models"}                                       {"models":[…]}
// {"do":"call","api":"chat|responses","params":…}       {"answer":…}; with `stream`: {"event":…} as they come, {"ended":true}
// {"do":"gather","api":"chat|responses","params":…}     {"answer":…}: what the client's own helper makes of a stream
// {"do":"abort"}                                        ends the stream that is being read
//
// What the client throws: {"error":{class, status, type, message}}

import { createInterface } from "node:readline";

import OpenAI from "openai";

let client;
let controller;

for await (const line of createInterface({ input: process.stdin })) {
  // Not awaited: an abort comes while a stream is being read.
  void obey(JSON.parse(line)).catch((error) =>
    report({
      error: { class: error.constructor.name, status: error.status, type: error.type, message: error.message },
    }),
  );
}

async function obey(command) {
  switch (command.do) {
    case "client":
      client = new OpenAI(command.options);
      return report({ ready: true });
    case "models": {
      const models = [];
      for await (const model of client.models.list()) models.push(model);
      return report({ models });
    }
    case "call":
      return await call(endpoint(command.api), command.params);
    case "gather": {
      const stream = endpoint(command.api).stream(command.params);
      return report({
        answer: await (command.api === "chat" ? stream.finalChatCompletion() : stream.finalResponse()),
      });
    }
    case "abort":
      return controller.abort();
    default:
      return report({ unknown: command });
  }
}

function endpoint(api) {
  return api === "chat" ? client.chat.completions : client.responses;
}

async function call(api, params) {
  controller = new AbortController();
  const answer = await api.create(params, { signal: controller.signal });
  if (!params.stream) return report({ answer });
  for await (const event of answer) report({ event });
  report({ ended: true });
}

function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
