// A connection to the Gateway that served this page: connects, calls, hears events, comes back by itself.

import type { Early } from "./early";
import { type Identity, identity } from "./identity";
import { load, save } from "./keep";
import { type Events, type HelloOk, type Methods, ONLY_READS, type ResumeOutcome, type RpcError } from "./protocol";

/** Where the connection stands, one banner each. */
export type Stand =
  | { kind: "connecting" }
  | { kind: "connected" }
  | { kind: "reconnecting"; at: number }
  | { kind: "restarting"; reason: string }
  | { kind: "pairing"; requestId: string; deviceId: string }
  | { kind: "credential"; secret: "token" | "password"; wrong: boolean }
  | { kind: "limited"; at: number }
  | { kind: "version"; message: string }
  | { kind: "refused"; message: string };

/** Something that anybody may hear of. */
export type Heard = { [E in keyof Events]: { event: E; payload: Events[E] } }[keyof Events];

/** What a person shows to be let in. Kept in memory only, and only until it worked. */
export interface Credentials {
  token?: string;
  password?: string;
  bootstrapToken?: string;
}

/** A refusal by the Gateway, or a lost link. */
export class CallError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly details?: Record<string, unknown>,
    /** When to try again, where the Gateway said so. */
    readonly retryAfterMs?: number | null,
  ) {
    super(message);
  }
}

/** Ours: the published shape has no word for it. */
type Welcome = HelloOk & { resume?: ResumeOutcome };

interface Waiting {
  method: string;
  frame: string;
  resolve: (value: unknown) => void;
  reject: (error: CallError) => void;
  timer: number;
  repeatable: boolean;
  interim: ((payload: unknown) => void) | undefined;
}

interface Frame {
  type: "res" | "event";
  id?: string;
  ok?: boolean;
  payload?: unknown;
  error?: RpcError;
  event?: string;
  seq?: number;
}

const CLIENT = { id: "openclaw-control-ui", mode: "ui", version: "1", platform: "web" } as const;
const SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const CAPS = ["tool-events", "event-resume-v1", "node-output"];
/** Methods that may answer before they have a result. */
const INTERIM = new Set(["agent", "node.invoke"]);
const CALL_DEADLINE = 30_000;
const HANDSHAKE_DEADLINE = 15_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
const PAIRING_PAUSE = 3_000;
const TOKEN = "device-token";

export class Client {
  stand: Stand = { kind: "connecting" };
  hello: HelloOk | undefined;
  /** What the server said about resuming on the latest connection. */
  resumed: ResumeOutcome | undefined;
  device: Identity | undefined;

  private socket: WebSocket | undefined;
  private waiting = new Map<string, Waiting>();
  private nextId = 1;
  private attempts = 0;
  private lastSeq = 0;
  private retry = 0;
  private watchdog = 0;
  private lastHeard = 0;
  private wantsList = false;
  private readonly watched = new Set<string>();
  private earlier: { bootId: string; connId: string } | undefined;

  constructor(
    private readonly url: string,
    private readonly told: {
      stand: (stand: Stand) => void;
      hello: (hello: HelloOk, afresh: boolean) => void;
      event: (heard: Heard) => void;
      gap: () => void;
    },
    private credentials: Credentials = {},
  ) {}

  /** Connects now, with what a person has just shown. */
  connect(credentials?: Credentials): void {
    if (credentials) this.credentials = credentials;
    clearTimeout(this.retry);
    this.leave();
    this.open();
  }

  /** Takes up a connection that was asked for already. */
  begin(early: Early): void {
    this.open(early.socket);
    for (const text of early.heard) void this.read(early.socket, text);
    if (early.socket.readyState >= WebSocket.CLOSING) this.lost();
  }

  /** Goes away without a word, so that the Gateway keeps what is missed. */
  private leave(): void {
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
  }

  private open(socket = new WebSocket(this.url)): void {
    this.socket = socket;
    this.lastHeard = Date.now();
    clearInterval(this.watchdog);
    this.watchdog = window.setInterval(() => this.watch(socket), 1_000);
    socket.onmessage = (message) => {
      if (this.socket !== socket) return;
      this.lastHeard = Date.now();
      void this.read(socket, String(message.data));
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  /** A link that says nothing for three ticks is dead, whatever the browser thinks. */
  private watch(socket: WebSocket): void {
    if (this.socket !== socket) return;
    const tick = this.hello?.policy.tickIntervalMs;
    const patience = this.stand.kind === "connected" && tick ? Math.max(tick * 2.5, 4_000) : HANDSHAKE_DEADLINE;
    if (Date.now() - this.lastHeard > patience) {
      this.leave();
      this.lost();
    }
  }

  private lost(): void {
    clearInterval(this.watchdog);
    this.socket = undefined;
    for (const [id, call] of this.waiting) {
      if (call.repeatable) continue;
      this.waiting.delete(id);
      clearTimeout(call.timer);
      call.reject(new CallError("LINK_LOST", "the connection was lost"));
    }
    const { kind } = this.stand;
    if (kind === "credential" || kind === "version") return;
    // Somebody may approve it, or allow this page's origin; what was shown is kept for that.
    if (kind === "pairing" || kind === "refused") {
      this.again(PAIRING_PAUSE);
      return;
    }
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.attempts) * (0.75 + Math.random() / 2);
    this.attempts += 1;
    if (kind !== "limited" && kind !== "restarting") this.set({ kind: "reconnecting", at: Date.now() + pause });
    this.again(kind === "limited" ? Math.max(pause, this.stand.kind === "limited" ? this.stand.at - Date.now() : 0) : pause);
  }

  private again(pause: number): void {
    clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.open(), pause);
  }

  private set(stand: Stand): void {
    this.stand = stand;
    this.told.stand(stand);
  }

  private async read(socket: WebSocket, text: string): Promise<void> {
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      return;
    }
    if (frame.type === "event" && frame.event === "connect.challenge") {
      await this.answer(socket, (frame.payload as { nonce: string }).nonce);
    } else if (frame.type === "event") {
      this.hear(frame);
    } else if (frame.type === "res" && frame.id === "connect") {
      if (frame.ok) await this.welcome(frame.payload as Welcome);
      else await this.refused(frame.error);
    } else if (frame.type === "res" && frame.id) {
      this.settle(frame.id, frame);
    }
  }

  private hear(frame: Frame): void {
    if (frame.seq !== undefined) {
      if (this.lastSeq && frame.seq > this.lastSeq + 1) this.told.gap();
      this.lastSeq = frame.seq;
    }
    if (frame.event === "shutdown") {
      const { reason } = frame.payload as Events["shutdown"];
      this.set({ kind: "restarting", reason });
    }
    this.told.event({ event: frame.event, payload: frame.payload } as Heard);
  }

  private async answer(socket: WebSocket, nonce: string): Promise<void> {
    this.device ??= await identity();
    const device = this.device;
    const { token, password, bootstrapToken } = this.credentials;
    const deviceToken = token || password || bootstrapToken ? undefined : await load<string>(TOKEN);
    const signed = token ?? deviceToken ?? bootstrapToken ?? "";
    const signedAt = Date.now();
    const fields = [
      "v3", device.id, CLIENT.id, CLIENT.mode, "operator", SCOPES.join(","), signedAt, signed, nonce, CLIENT.platform, "",
    ];
    const params = {
      minProtocol: 4,
      maxProtocol: 4,
      client: CLIENT,
      caps: CAPS,
      role: "operator",
      scopes: SCOPES,
      auth: { token, password, deviceToken, bootstrapToken },
      device: { id: device.id, publicKey: device.publicKey, signature: await device.sign(fields.join("|")), signedAt, nonce },
      locale: navigator.language,
      resume: this.earlier && {
        ...this.earlier,
        lastSeq: this.lastSeq,
        sessionList: this.wantsList,
        messages: [...this.watched],
      },
    };
    if (this.socket === socket && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ type: "req", id: "connect", method: "connect", params }));
    }
  }

  private async welcome(hello: Welcome): Promise<void> {
    const afresh = !hello.resume?.resumed;
    this.hello = hello;
    this.resumed = hello.resume;
    this.attempts = 0;
    this.lastSeq = 0;
    this.credentials = {};
    const { bootId, connId } = hello.server;
    this.earlier = bootId && hello.features.capabilities?.includes("event-resume-v1") ? { bootId, connId } : undefined;
    if (hello.auth.deviceToken) void save(TOKEN, hello.auth.deviceToken);
    this.set({ kind: "connected" });
    // What was asked before the link was lost, and can be asked twice, is asked again.
    for (const call of this.waiting.values()) this.socket?.send(call.frame);
    this.told.hello(hello, afresh);
  }

  private async refused(error: RpcError | undefined): Promise<void> {
    const details = (error?.details ?? {}) as Record<string, unknown>;
    const message = error?.message ?? "";
    const code = String(details["code"] ?? "");
    if (code === "PAIRING_REQUIRED") {
      this.set({ kind: "pairing", requestId: String(details["requestId"] ?? ""), deviceId: this.device?.id ?? "" });
    } else if (code === "AUTH_DEVICE_TOKEN_MISMATCH" || code === "AUTH_SCOPE_MISMATCH") {
      // Rotated, revoked, or of another Gateway behind the same address: ask as a stranger, once.
      await save(TOKEN, undefined);
      this.connect();
    } else if (code === "AUTH_BOOTSTRAP_TOKEN_INVALID") {
      this.credentials = {};
      // The link is used up or too old; a browser that is paired needs none.
      if (await load<string>(TOKEN)) this.connect();
      else this.set({ kind: "credential", secret: "token", wrong: true });
    } else if (code.startsWith("AUTH_TOKEN") || code.startsWith("AUTH_PASSWORD")) {
      const shown = Boolean(this.credentials.token || this.credentials.password);
      this.credentials = {};
      const secret = code.startsWith("AUTH_PASSWORD") ? "password" : "token";
      this.set({ kind: "credential", secret, wrong: shown });
    } else if (code === "AUTH_RATE_LIMITED") {
      this.set({ kind: "limited", at: Date.now() + (error?.retryAfterMs ?? 10_000) });
    } else if (code === "PROTOCOL_MISMATCH" || code === "CLIENT_VERSION_MISMATCH") {
      this.set({ kind: "version", message });
    } else if (error?.code === "UNAVAILABLE") {
      this.set({ kind: "reconnecting", at: Date.now() });
    } else {
      this.set({ kind: "refused", message: code ? `${message} (${code})` : message });
    }
  }

  private settle(id: string, frame: Frame): void {
    const call = this.waiting.get(id);
    if (!call) return;
    const interim = frame.ok && INTERIM.has(call.method) && (frame.payload as { status?: string })?.status === "accepted";
    if (interim) {
      call.interim?.(frame.payload);
      return;
    }
    this.waiting.delete(id);
    clearTimeout(call.timer);
    if (frame.ok) call.resolve(frame.payload);
    else {
      const error = frame.error;
      call.reject(new CallError(error?.code ?? "FAILED", error?.message ?? "failed", error?.details as Record<string, unknown>, error?.retryAfterMs));
    }
  }

  /** Calls a method. Reads, and calls with an idempotency key, outlive a lost connection. */
  call<M extends keyof Methods>(
    method: M,
    params: Methods[M]["params"],
    deadline = CALL_DEADLINE,
    interim?: (payload: unknown) => void,
  ): Promise<Methods[M]["result"]> {
    const id = String(this.nextId++);
    const frame = JSON.stringify({ type: "req", id, method, params });
    if (method === "sessions.subscribe") this.wantsList = true;
    const keyed = typeof (params as { idempotencyKey?: unknown })?.idempotencyKey === "string";
    const repeatable = keyed || ONLY_READS.has(method);
    return new Promise((resolve, reject) => {
      if (this.stand.kind !== "connected" && !repeatable) {
        reject(new CallError("LINK_LOST", "not connected"));
        return;
      }
      const timer = window.setTimeout(() => {
        this.waiting.delete(id);
        reject(new CallError("TIMEOUT", "no answer in time"));
      }, deadline);
      this.waiting.set(id, { method, frame, resolve: resolve as (value: unknown) => void, reject, timer, repeatable, interim });
      if (this.stand.kind === "connected") this.socket?.send(frame);
    });
  }

  /** Watches a session's messages, across reconnects too; gives its full key. */
  async watchSession(name: string): Promise<string> {
    const { key } = await this.call("sessions.messages.subscribe", { key: name });
    this.watched.add(key);
    return key;
  }

  /** Ends that. */
  async unwatchSession(key: string): Promise<void> {
    if (this.watched.delete(key)) await this.call("sessions.messages.unsubscribe", { key });
  }

  /** Whether this Gateway serves a method. */
  serves(method: string): boolean {
    return this.hello?.features.methods.includes(method) ?? false;
  }

  /** Forgets that this browser was ever let in. */
  async forget(): Promise<void> {
    await save(TOKEN, undefined);
    this.earlier = undefined;
    this.connect({});
  }
}
