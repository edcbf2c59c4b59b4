// What the recorder asks, in order. A step is a method, its params (or a function of what is known so far), and
// optionally how: `final` waits for the second response, `as` records under another name, `needs` names what an
// earlier answer must have told, `until` waits for a chat event in that state.

const KEY = "agent:main:main";
const SECOND = "agent:main:recorded";

/** The stand-in answers a message with this text slowly, so that a run can be aborted in the middle. */
export const SLOW_MESSAGE = "answer slowly";

export const STEPS = [
  ["health", {}],
  ["health", { probe: true }],
  ["status", {}],
  ["status", { includeChannelSummary: false, includeCliProjection: true }],
  ["system-presence", {}],
  ["system.info", {}],
  ["gateway.identity.get", {}],
  ["last-heartbeat", {}],
  ["update.status", {}],
  ["logs.tail", { limit: 20 }],
  ["config.get", {}],
  ["config.schema", {}],
  ["config.schema.lookup", { path: "gateway.port" }],
  ["config.schema.lookup", { path: "gateway" }],
  ["models.list", {}],
  ["models.list", { view: "configured", includeDetails: true }],
  ["models.authStatus", {}],
  ["agents.list", {}],
  ["agent.identity.get", {}],
  ["agent.identity.get", { sessionKey: KEY }],
  ["sessions.list", {}],
  ["sessions.subscribe", {}],
  ["sessions.messages.subscribe", { key: KEY }],
  ["chat.startup", { sessionKey: KEY, limit: 80 }],
  ["chat.history", { sessionKey: KEY }],
  ["chat.metadata", { agentId: "main" }],
  ["chat.send", { sessionKey: KEY, message: "hello", idempotencyKey: "recorded-run-1" }],
  ["agent.wait", { runId: "recorded-run-1", timeoutMs: 60_000 }],
  ["chat.send", { sessionKey: KEY, message: "hello", idempotencyKey: "recorded-run-1" }],
  ["chat.send", { sessionKey: KEY, message: "/status", idempotencyKey: "recorded-run-2" }],
  ["agent.wait", { runId: "recorded-run-2", timeoutMs: 30_000 }],
  ["chat.history", { sessionKey: KEY, limit: 50 }],
  ["chat.history", (seen) => ({ sessionKey: KEY, cursor: seen.cursor }), { needs: "cursor" }],
  ["chat.startup", { sessionKey: KEY, limit: 80 }],
  ["chat.metadata", { sessionKey: KEY }],
  ["agent", { message: "hello again", agentId: "main", deliver: false, idempotencyKey: "recorded-run-3" }, { final: true }],
  ["agent.wait", { runId: "recorded-run-3", timeoutMs: 60_000 }],
  ["agent.wait", { runId: "no-such-run", timeoutMs: 10 }],
  ["agent", { message: "hello once more", agentId: "main", idempotencyKey: "recorded-run-5" }, { as: "agent.accepted" }],
  ["agent.wait", { runId: "recorded-run-5", timeoutMs: 60_000 }],
  ["chat.send", { sessionKey: KEY, message: SLOW_MESSAGE, idempotencyKey: "recorded-run-6" }, { until: "delta" }],
  ["chat.abort", { sessionKey: KEY, runId: "recorded-run-6" }],
  ["agent.wait", { runId: "recorded-run-6", timeoutMs: 30_000 }],
  ["chat.abort", { sessionKey: KEY }],
  ["sessions.create", { key: SECOND, label: "recorded" }],
  ["sessions.send", { key: SECOND, message: "hello", idempotencyKey: "recorded-run-4" }],
  ["agent.wait", { runId: "recorded-run-4", timeoutMs: 60_000 }],
  ["sessions.abort", { key: SECOND }],
  ["sessions.list", { includeDerivedTitles: true, includeLastMessage: true }],
  ["sessions.describe", { key: KEY }],
  ["sessions.preview", { keys: [KEY, "agent:main:absent"] }],
  ["sessions.resolve", { key: KEY }],
  ["sessions.get", { key: KEY }],
  ["sessions.patch", { key: SECOND, label: "recorded again", thinkingLevel: "off" }],
  ["sessions.reset", { key: SECOND, reason: "reset" }],
  ["sessions.delete", { key: SECOND }],
  ["sessions.messages.unsubscribe", { key: KEY }],
  ["device.pair.list", {}],
  ["device.pair.rename", (seen) => ({ deviceId: seen.deviceId, label: "recorded" }), { needs: "deviceId" }],
  ["device.pair.list", {}],
  ["device.pair.approve", (seen) => ({ requestId: seen.requestId }), { needs: "requestId" }],
  ["device.token.rotate", (seen) => ({ deviceId: seen.otherDeviceId, role: "operator" }), { needs: "otherDeviceId" }],
  ["device.token.revoke", (seen) => ({ deviceId: seen.otherDeviceId, role: "operator" }), { needs: "otherDeviceId" }],
  ["device.pair.remove", (seen) => ({ deviceId: seen.otherDeviceId }), { needs: "otherDeviceId" }],
  ["device.pair.reject", { requestId: "no-such-request" }],
  ["exec.approval.list", {}],
  ["plugin.approval.list", {}],
  ["openclaw.approval.list", {}],
  ["question.list", {}],
  ["node.list", {}],
  ["node.pair.list", {}],
  ["channels.status", { probe: false }],
  ["cron.list", {}],
  ["cron.status", {}],
  ["tasks.list", {}],
  ["usage.status", {}],
  ["health", { probe: true }],
  ["status", {}],
  ["users.self", {}],
  ["commands.list", {}],
];

/** Paths whose keys are data, by method. */
export const MAPS = {
  "config.get": ["$.parsed", "$.resolved", "$.config", "$.sourceConfig", "$.runtimeConfig", "$.includeProvenance"],
  "config.schema": ["$.schema.properties", "$.uiHints"],
  "config.schema.lookup": ["$.schema.properties"],
  health: ["$.channels", "$.channelLabels"],
  "hello-ok": ["$.snapshot.health.channels", "$.snapshot.health.channelLabels"],
  "event.health": ["$.channels", "$.channelLabels"],
  "channels.status": [
    "$.channels",
    "$.channelLabels",
    "$.channelDetailLabels",
    "$.channelSystemImages",
    "$.channelAccounts",
    "$.channelDefaultAccountId",
  ],
  status: ["$.tasks.byStatus", "$.tasks.byRuntime", "$.taskAudit.byCode"],
};

/** Paths below which nothing is kept: what stands there is the owner's configuration or its schema. */
export const OPAQUE = {
  "config.get": ["$.parsed", "$.resolved", "$.config", "$.sourceConfig", "$.runtimeConfig"],
  "config.schema": ["$.schema", "$.uiHints.*"],
  "config.schema.lookup": ["$.schema"],
};

/** What later steps need from an answer. */
export function remember(seen, method, payload) {
  if (method === "chat.history" && payload.deltaCursor) seen.cursor = payload.deltaCursor;
  if (method === "device.pair.list") {
    seen.deviceId ??= payload.paired?.[0]?.deviceId;
    seen.requestId ??= payload.pending?.[0]?.requestId;
    seen.otherDeviceId = payload.paired?.find((device) => device.deviceId !== seen.self)?.deviceId;
  }
}
