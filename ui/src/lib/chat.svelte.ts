// One conversation: what is stored, what is being said, what is on its way.

import { app } from "./app.svelte";
import { CallError, type Heard } from "./client";
import type { AgentPayload, ChatMetadataResult, ChatPayload, ContentBlock, SessionRow, TranscriptMessage } from "./protocol";
import { setWish, wish } from "./keep";

/** A file that goes with a message. */
export interface Outgoing {
  name: string;
  mimeType: string;
  base64: string;
  bytes: number;
}

/** A message on its way. */
export interface Sending {
  id: string;
  text: string;
  files: Outgoing[];
  error: string;
}

/** A call of a tool, with what came of it. */
export interface Tool {
  id: string;
  name: string;
  input: unknown;
  output: string;
  state: "running" | "done" | "failed";
}

/** One thing in an answer. */
export type Part =
  | { kind: "text"; text: string }
  | { kind: "thinking"; text: string }
  | { kind: "image"; source: string; message: string; nth: number }
  | { kind: "tool"; tool: Tool }
  | { kind: "error"; text: string }
  | { kind: "stopped" };

/** What one side said without the other in between. */
export interface Turn {
  id: string;
  role: "user" | "assistant" | "system";
  parts: Part[];
  at: number;
  model: string;
  /** Its place in the transcript. */
  seq: number;
  /** What it was made of; a message that changes is another one. */
  of: TranscriptMessage[];
}

/** What is being said. */
interface Live {
  runId: string;
  text: string;
  thinking: string;
  status: string;
  tools: Tool[];
}

/** What is asked for first fills a window, and is small enough for a slow link. */
const PAGE_SIZE = 30;
/** Whoever reads backwards wants more at once, but not so much that it is felt. */
const EARLIER = 60;

/** Messages whose pictures are kept. */
const KEPT_PICTURES = 24;

class Chat {
  /** The full key, once it is known. */
  key = $state("");
  messages = $state.raw<TranscriptMessage[]>([]);
  live = $state.raw<Live>();
  sending = $state.raw<Sending[]>([]);
  info = $state.raw<SessionRow>();
  metadata = $state.raw<ChatMetadataResult>();
  hasMore = $state(false);
  loading = $state(false);
  error = $state("");
  /** A run that ended without a stored answer. */
  failure = $state("");

  turns = $derived(turnsOf(this.messages));
  busy = $derived(Boolean(this.live));

  /** What was asked for: a key, or a short form of one. */
  name = $state("");
  private fetched = new Map<string, Promise<string[]>>();
  private nextOffset = 0;
  /** What events told while history was being read: an answer may be older than they are. */
  private arrived: TranscriptMessage[] = [];
  private ended = new Set<string>();
  private turn = 0;

  /** Shows a session from now on. */
  async open(name: string): Promise<void> {
    if (this.name !== name) {
      if (this.key && this.key !== name) void app.client.unwatchSession(this.key).catch(() => {});
      this.messages = [];
      this.live = undefined;
      this.info = undefined;
      this.failure = "";
      this.hasMore = false;
      this.sending = [];
      this.fetched.clear();
      this.key = name;
    }
    this.name = name;
    await this.reload();
  }

  /** Reads it from the Gateway: at first, and when something may have been missed. */
  async reload(): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    this.error = "";
    this.arrived = [];
    this.ended.clear();
    try {
      // Asked for together, in this order: what comes after the history is heard, and nothing waits in between.
      const watched = app.client.watchSession(this.name).then((key) => {
        if (turn === this.turn) this.key = key;
      });
      const wanted = { sessionKey: this.name, limit: Math.max(PAGE_SIZE, Math.min(this.messages.length, 500)) };
      const asked = this.metadata ? app.client.call("chat.history", wanted) : app.client.call("chat.startup", wanted);
      const [history] = await Promise.all([asked, watched]);
      if (turn !== this.turn) return;
      this.messages = (history.messages ?? []).filter((message) => !this.arrived.some((other) => idOf(other) === idOf(message)));
      for (const message of this.arrived) this.insert(message);
      this.hasMore = history.hasMore ?? false;
      this.nextOffset = history.nextOffset ?? this.messages.length;
      this.info = history.sessionInfo;
      if (history.metadata) this.metadata = history.metadata;
      const run = history.inFlightRun;
      const earlier = this.live;
      const goesOn = run && !this.ended.has(run.runId);
      if (goesOn && earlier?.runId === run.runId) {
        const text = withoutStored(run.text ?? "", this.messages, run.runId);
        this.live = { ...earlier, text: text.length > earlier.text.length ? text : earlier.text };
      } else if (goesOn) {
        const text = withoutStored(run.text ?? "", this.messages, run.runId);
        this.live = { runId: run.runId, text, thinking: "", status: "", tools: [] };
      } else if (!earlier || !run) {
        this.live = undefined;
      }
      this.settle();
    } catch (error) {
      if (turn === this.turn) this.error = app.why(error);
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }

  /** Reads what was said before. */
  async older(): Promise<void> {
    if (this.loading || !this.hasMore) return;
    this.loading = true;
    const turn = ++this.turn;
    try {
      const wanted = { sessionKey: this.key, limit: EARLIER, offset: this.nextOffset };
      const history = await app.client.call("chat.history", wanted);
      if (turn !== this.turn) return;
      const known = new Set(this.messages.map(idOf));
      const earlier = (history.messages ?? []).filter((message) => !known.has(idOf(message)));
      this.messages = [...earlier, ...this.messages];
      this.hasMore = (history.hasMore ?? false) && earlier.length > 0;
      this.nextOffset = history.nextOffset ?? this.nextOffset + earlier.length;
    } catch (error) {
      app.complain(error);
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }

  /** The pictures of a message, which histories leave out; the latest few are kept. */
  pictures(message: string): Promise<string[]> {
    const known = this.fetched.get(message);
    if (known) return known;
    const asked = app.client.call("chat.message.get", { sessionKey: this.key, messageId: message, maxChars: 1 }).then(({ message: whole }) =>
      (whole ? blocksOf(whole) : []).flatMap((block) => (block.type === "image" ? [sourceOf(block)] : [])));
    this.fetched.set(message, asked);
    asked.catch(() => this.fetched.delete(message));
    const oldest = this.fetched.keys().next().value;
    if (this.fetched.size > KEPT_PICTURES && oldest) this.fetched.delete(oldest);
    return asked;
  }

  hear(heard: Heard): void {
    if (heard.event === "session.message" && heard.payload.sessionKey === this.key) {
      if (heard.payload.session) this.info = { ...this.info, ...heard.payload.session };
      this.stored(heard.payload.message, heard.payload.runId);
    } else if (heard.event === "chat" && heard.payload.sessionKey === this.key) {
      this.said(heard.payload);
    } else if (heard.event === "session.tool" && heard.payload.sessionKey === this.key) {
      this.worked(heard.payload);
    } else if (heard.event === "agent" && heard.payload.sessionKey === this.key && heard.payload.stream === "thinking") {
      this.thought(heard.payload);
    } else if (heard.event === "sessions.changed" && heard.payload.sessionKey === this.key) {
      if (heard.payload.session) this.info = { ...this.info, ...heard.payload.session };
      if (heard.payload.reason === "reset" || heard.payload.reason === "delete") void this.reload();
    } else if (heard.event === "chat.metadata.changed") {
      void app.client.call("chat.metadata", {}).then((metadata) => (this.metadata = metadata), () => {});
    }
  }

  private insert(message: TranscriptMessage): void {
    const id = idOf(message);
    const rest = this.messages.filter((other) => idOf(other) !== id);
    const place = message.__openclaw?.seq ?? Number.MAX_SAFE_INTEGER;
    let at = rest.length;
    while (at > 0 && (rest[at - 1]?.__openclaw?.seq ?? 0) > place) at -= 1;
    this.messages = [...rest.slice(0, at), message, ...rest.slice(at)];
  }

  private stored(message: TranscriptMessage, runId: string | undefined): void {
    this.insert(message);
    if (this.loading) this.arrived.push(message);
    if (this.live && message.role === "assistant" && (!runId || runId === this.live.runId)) {
      // What was being said is stored now; what comes next is said anew.
      this.live = { ...this.live, text: "", thinking: "", status: "" };
    }
    this.settle();
  }

  /** What is stored is neither on its way nor being said any more. */
  private settle(): void {
    const keys = new Set(this.messages.flatMap((message) => [
      message.idempotencyKey, message.__openclaw?.idempotencyKey, message.role === "user" ? message.__openclaw?.runId : undefined,
    ]));
    this.sending = this.sending.filter(({ id }) => !keys.has(id));
    if (this.live?.tools.length) {
      const calls = new Set(this.messages.flatMap((message) => blocksOf(message).map((block) => (block.type === "toolCall" ? block.id : ""))));
      const results = new Set(this.messages.map(({ toolCallId }) => toolCallId));
      this.live = { ...this.live, tools: this.live.tools.filter(({ id }) => !(calls.has(id) && results.has(id))) };
    }
  }

  private current(runId: string): Live {
    if (this.live?.runId === runId) return this.live;
    return { runId, text: "", thinking: "", status: "", tools: [] };
  }

  private said(payload: ChatPayload): void {
    const live = this.current(payload.runId);
    if (payload.state === "status") {
      this.live = { ...live, status: payload.phase ?? "" };
    } else if (payload.state === "delta") {
      this.failure = "";
      const whole = payload.message ? textOf(payload.message) : undefined;
      const text = whole ?? (payload.replace ? (payload.deltaText ?? "") : live.text + (payload.deltaText ?? ""));
      this.live = { ...live, text: withoutStored(text, this.messages, payload.runId), status: "" };
    } else {
      if (this.loading) this.ended.add(payload.runId);
      if (this.live?.runId === payload.runId || !this.live) this.live = undefined;
      if (payload.state === "error") this.failure = payload.errorMessage ?? payload.errorKind ?? "error";
      const isThere = this.messages.some((message) => message.role === "assistant" && message.__openclaw?.runId === payload.runId);
      if (!isThere) void this.reload();
    }
  }

  private thought(payload: AgentPayload): void {
    const live = this.current(payload.runId);
    this.live = { ...live, thinking: String(payload.data["text"] ?? "") };
  }

  private worked(payload: AgentPayload): void {
    const { data, runId } = payload;
    const live = this.current(runId);
    const id = String(data["toolCallId"] ?? "");
    const known = live.tools.find((tool) => tool.id === id);
    const tool: Tool = {
      id,
      name: String(data["name"] ?? known?.name ?? ""),
      input: data["args"] ?? known?.input,
      output: outputOf(data["result"] ?? data["partialResult"]) || known?.output || "",
      state: data["phase"] !== "result" ? "running" : data["isError"] ? "failed" : "done",
    };
    const tools = known ? live.tools.map((other) => (other.id === id ? tool : other)) : [...live.tools, tool];
    // A result that comes after the end of its run belongs to what is stored.
    if (this.live?.runId === runId || data["phase"] === "start") this.live = { ...live, tools };
    this.settle();
  }

  /** Sends a message; it is kept here until the Gateway has stored it. */
  async send(text: string, files: Outgoing[], queueMode?: "steer"): Promise<void> {
    const item: Sending = { id: crypto.randomUUID?.() ?? fallbackId(), text, files, error: "" };
    this.failure = "";
    this.sending = [...this.sending, item];
    await this.dispatch(item, queueMode);
  }

  async again(item: Sending): Promise<void> {
    this.sending = this.sending.map((other) => (other.id === item.id ? { ...item, error: "" } : other));
    await this.dispatch(item);
  }

  discard(item: Sending): void {
    this.sending = this.sending.filter(({ id }) => id !== item.id);
  }

  private async dispatch(item: Sending, queueMode?: "steer"): Promise<void> {
    const key = this.key;
    const attachments = item.files.map((file) => ({
      type: file.mimeType.startsWith("image/") ? "image" : "file",
      mimeType: file.mimeType,
      fileName: file.name,
      content: file.base64,
      sizeBytes: file.bytes,
    }));
    try {
      const { runId, status } = await app.client.call(
        "chat.send",
        {
          sessionKey: key,
          message: item.text,
          idempotencyKey: item.id,
          ...(attachments.length ? { attachments } : {}),
          ...(queueMode ? { queueMode } : {}),
        },
        120_000,
      );
      if (key !== this.key) return;
      // Commands and stop words are answered without a run.
      if (status === "ok" || !runId) this.discard(item);
      else if (!this.live && status === "started") this.live = this.current(runId);
    } catch (error) {
      if (key !== this.key) return;
      const why = error instanceof CallError ? app.why(error) : String(error);
      this.sending = this.sending.map((other) => (other.id === item.id ? { ...other, error: why } : other));
    }
  }

  /** Stops what is running. */
  async abort(): Promise<void> {
    try {
      await app.client.call("chat.abort", { sessionKey: this.key });
    } catch (error) {
      app.complain(error);
    }
  }

  draft(): string {
    return wish(`draft.${this.name}`) ?? "";
  }

  keepDraft(text: string): void {
    setWish(`draft.${this.name}`, text.trim() ? text : null);
  }
}

export const chat = new Chat();

function fallbackId(): string {
  // randomUUID exists only in secure contexts.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function idOf(message: TranscriptMessage): string {
  return message.__openclaw?.id ?? `${message.role}-${message.timestamp}`;
}

function blocksOf(message: TranscriptMessage): ContentBlock[] {
  return typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
}

function textOf(message: TranscriptMessage): string {
  return blocksOf(message).map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** A delta carries all that the run said; what is stored of it is shown already. */
function withoutStored(text: string, messages: TranscriptMessage[], runId: string): string {
  let rest = text;
  for (const message of messages) {
    if (message.role !== "assistant" || message.__openclaw?.runId !== runId) continue;
    const said = textOf(message);
    if (said && rest.startsWith(said)) rest = rest.slice(said.length);
  }
  return rest.trimStart();
}

function outputOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  const content = (value as { content?: unknown }).content;
  if (Array.isArray(content)) {
    return content.map((block: { text?: unknown }) => (typeof block?.text === "string" ? block.text : "")).join("\n");
  }
  return JSON.stringify(value, null, 2);
}

/** Whether these are the same turns of the same messages. */
export function sameTurns(one: Turn[], other: Turn[]): boolean {
  return one.length === other.length && one.every(({ of }, at) => {
    const others = other[at]?.of;
    return others?.length === of.length && of.every((message, place) => message === others[place]);
  });
}

function turnsOf(messages: TranscriptMessage[]): Turn[] {
  const turns: Turn[] = [];
  const tools = new Map<string, Tool>();
  const owners = new Map<Tool, Turn>();
  for (const message of messages) {
    if (message.role === "toolResult") {
      const tool = tools.get(message.toolCallId ?? "");
      if (tool) {
        tool.output = textOf(message);
        tool.state = message.isError ? "failed" : "done";
        owners.get(tool)?.of.push(message);
      }
      continue;
    }
    const last = turns.at(-1);
    const joins = last && last.role === "assistant" && message.role === "assistant";
    const turn: Turn = joins
      ? last
      : { id: idOf(message), role: message.role, parts: [], at: message.timestamp, model: message.model ?? "", seq: message.__openclaw?.seq ?? last?.seq ?? 0, of: [] };
    if (!joins) turns.push(turn);
    turn.of.push(message);
    let pictures = 0;
    for (const block of blocksOf(message)) {
      const part = partOf(block, tools);
      if (part?.kind === "image") {
        part.message = message.__openclaw?.id ?? "";
        part.nth = pictures++;
      }
      if (part) turn.parts.push(part);
      if (part?.kind === "tool") owners.set(part.tool, turn);
    }
    if (message.errorMessage) turn.parts.push({ kind: "error", text: message.errorMessage });
    if (message.openclawAbort) turn.parts.push({ kind: "stopped" });
  }
  return turns.filter(({ parts }) => parts.length > 0);
}

/** What shows a picture; empty when it is not here, or of a kind that is not shown. */
function sourceOf(block: Extract<ContentBlock, { type: "image" }>): string {
  const safe = /^image\/(png|jpeg|gif|webp)$/.test(block.mimeType ?? "");
  return block.data && safe ? `data:${block.mimeType};base64,${block.data}` : "";
}

function partOf(block: ContentBlock, tools: Map<string, Tool>): Part | undefined {
  switch (block.type) {
    case "text":
      return block.text.trim() ? { kind: "text", text: block.text } : undefined;
    case "thinking":
      return block.thinking.trim() ? { kind: "thinking", text: block.thinking } : undefined;
    case "toolCall": {
      const tool: Tool = { id: block.id, name: block.name, input: block.arguments, output: "", state: "running" };
      tools.set(block.id, tool);
      return { kind: "tool", tool };
    }
    case "image": {
      return { kind: "image", source: sourceOf(block), message: "", nth: 0 };
    }
    default:
      return undefined;
  }
}
