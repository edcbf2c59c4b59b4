// The reference client with a device identity of its own, and every event it is shown.

import { GatewayClient } from "@openclaw/gateway-client";

import { createIdentity, hostDeps } from "../identity.mjs";

const SCOPES = [
  "operator.admin",
  "operator.read",
  "operator.write",
  "operator.approvals",
  "operator.pairing",
  "operator.questions",
];

/** Connects, waiting until the Gateway has started. Resolves with the client, `hello-ok` and the event log. */
export async function connect({ url, token, limitMs, mode = "cli", clientName = "cli" }) {
  const events = [];
  const hello = Promise.withResolvers();
  const deadline = setTimeout(() => hello.reject(new Error(`no hello-ok from ${url} in ${limitMs} ms`)), limitMs);
  let lastError;
  const client = new GatewayClient({
    url,
    token,
    clientName,
    mode,
    clientVersion: "2026.9.1",
    role: "operator",
    scopes: SCOPES,
    caps: ["tool-events"],
    minProtocol: 4,
    maxProtocol: 4,
    deviceIdentity: createIdentity(),
    hostDeps: hostDeps(),
    onEvent: (event) => events.push(event),
    onHelloOk: (payload) => hello.resolve(payload),
    onConnectError: (error) => {
      lastError = error;
    },
  });
  client.start();
  try {
    return { client, hello: await hello.promise, events };
  } catch (error) {
    client.stop();
    throw new Error(error.message, { cause: lastError });
  } finally {
    clearTimeout(deadline);
  }
}
