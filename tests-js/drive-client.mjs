// Drives the reference client for a test written in another language: one JSON command per line on standard
// input, one JSON report per line on standard output. Ends when its standard input ends.
//
// Commands                                             Reports
// {"do":"connect","options":{url, token, scopes, …}}   {"hello":…}, {"refused":{message, details}}, {"closed":{code, reason}},
//                                                      {"paused":…}, {"gap":…}, {"event":…} as they come
// {"do":"call","id":1,"method":…,"params":…,"final":b} {"answer":{id, ok, payload | error}}
// {"do":"stop"}                                        {"stopped":true}

import { createInterface } from "node:readline";

import { GatewayClient } from "@openclaw/gateway-client";

import { createIdentity, hostDeps } from "./identity.mjs";

const deviceIdentity = createIdentity();
const host = hostDeps();
let client;

report({ device: deviceIdentity.deviceId });
for await (const line of createInterface({ input: process.stdin })) {
  await obey(JSON.parse(line));
}
await client?.stopAndWait();

async function obey(command) {
  switch (command.do) {
    case "connect":
      client = new GatewayClient({ ...defaults(), ...command.options });
      client.start();
      break;
    case "call":
      // Not awaited: answers come in any order, and a test may call again meanwhile.
      void call(command);
      break;
    case "stop":
      await client.stopAndWait();
      report({ stopped: true });
      break;
    default:
      report({ unknown: command });
  }
}

function defaults() {
  return {
    clientName: "cli",
    clientVersion: "2026.9.1",
    mode: "cli",
    role: "operator",
    minProtocol: 4,
    maxProtocol: 4,
    deviceIdentity,
    hostDeps: host,
    onHelloOk: (hello) => report({ hello }),
    onConnectError: (error) => report({ refused: { message: error.message, details: error.details } }),
    onReconnectPaused: (paused) => report({ paused }),
    onClose: (code, reason) => report({ closed: { code, reason } }),
    onGap: (gap) => report({ gap }),
    onEvent: (event) => report({ event }),
  };
}

async function call({ id, method, params, final }) {
  try {
    const payload = await client.request(method, params, { expectFinal: final });
    report({ answer: { id, ok: true, payload } });
  } catch (error) {
    report({ answer: { id, ok: false, error: { message: error.message, code: error.gatewayCode, details: error.details } } });
  }
}

function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
