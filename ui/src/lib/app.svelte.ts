// What the whole page shares: the connection, where one is, and how it looks.

import { CallError, Client, type Credentials, type Heard, type Stand } from "./client";
import type { Early } from "./early";
import { type Language, LANGUAGES, type Word, learn, preferred, word } from "./i18n";
import { setWish, wish } from "./keep";
import type { HealthSnapshot, HelloOk, PresenceEntry } from "./protocol";

export const PAGES = ["chat", "overview", "devices", "approvals", "sessions", "channels", "logs", "config", "security", "usage", "connect"] as const;
export type Page = (typeof PAGES)[number];
export type Theme = "auto" | "light" | "dark";

type Listener = (heard: Heard) => void;

class App {
  stand = $state<Stand>({ kind: "connecting" });
  hello = $state.raw<HelloOk>();
  /** Grows with every connection that could not take up where the last one ended. */
  epoch = $state(0);
  health = $state.raw<HealthSnapshot>();
  presence = $state.raw<PresenceEntry[]>([]);
  /** Requests that wait for a decision. */
  pending = $state(0);
  language = $state<Language>("en");
  theme = $state<Theme>("auto");
  page = $state<Page>("chat");
  /** What stands behind the page in the address, such as the session. */
  place = $state("");
  menuOpen = $state(false);
  paletteOpen = $state(false);
  /** Another Gateway that the address named. */
  foreign = $state("");
  notice = $state("");
  sealed = $state(true);

  client!: Client;
  private listeners = new Set<Listener>();

  t = (key: Word, gaps?: Record<string, string | number>): string => word(this.language, key, gaps);

  get up(): boolean {
    return this.stand.kind === "connected";
  }

  /** Hears events until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(heard: Heard): void {
    if (heard.event === "presence") this.presence = heard.payload.presence;
    if (heard.event === "health") this.health = heard.payload;
    if (heard.event === "device.pair.requested" || heard.event === "device.pair.resolved") void this.countPending();
    for (const listener of this.listeners) listener(heard);
  }

  async countPending(): Promise<void> {
    if (!this.hello?.auth.scopes.includes("operator.pairing")) return;
    try {
      this.pending = (await this.client.call("device.pair.list", {})).pending.length;
    } catch {
      // The page of the devices says what is wrong.
    }
  }

  /** Says for a while what went wrong. */
  complain(error: unknown): void {
    this.say(this.t("failed", { why: this.why(error) }));
  }

  why(error: unknown): string {
    if (error instanceof CallError && error.code === "LINK_LOST") return this.t("linkLost");
    return error instanceof Error ? error.message : String(error);
  }

  private silence = 0;
  say(text: string): void {
    this.notice = text;
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => (this.notice = ""), 8_000);
  }

  go(page: Page, place = ""): void {
    location.hash = `#/${page}${place ? `/${encodeURIComponent(place)}` : ""}`;
  }

  readAddress(): void {
    const [, page = "", ...rest] = location.hash.split("/");
    this.page = PAGES.find((known) => known === page) ?? "chat";
    try {
      this.place = decodeURIComponent(rest.join("/"));
    } catch {
      this.place = "";
    }
    this.menuOpen = false;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    setWish("theme", theme === "auto" ? null : theme);
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset["theme"] = theme;
  }

  /** Shows the page in a language, once its words are there. */
  async setLanguage(language: Language): Promise<void> {
    if (!(await learn(language))) return;
    this.language = language;
    document.documentElement.lang = language;
  }

  chooseLanguage(language: Language): void {
    setWish("language", language);
    void this.setLanguage(language);
  }
}

export const app = new App();
export const t = app.t;

/** Takes secrets out of the address before anything else is done. */
function credentialsOfAddress(): Credentials {
  const address = new URL(location.href);
  const fragment = new URLSearchParams(address.hash.startsWith("#/") ? "" : address.hash.slice(1));
  const take = (name: string) => fragment.get(name) || undefined;
  const credentials = { token: take("token"), password: take("password"), bootstrapToken: take("bootstrapToken") };
  // A link may name a Gateway; nothing is ever sent there.
  app.foreign = (fragment.get("gatewayUrl") ?? address.searchParams.get("gatewayUrl") ?? "").slice(0, 200);
  const secretInQuery = ["token", "password", "gatewayUrl", "bootstrapToken"].filter((name) => address.searchParams.has(name));
  for (const name of secretInQuery) address.searchParams.delete(name);
  if (secretInQuery.length > 0 || [...fragment.keys()].length > 0) {
    const page = fragment.get("page");
    history.replaceState(null, "", `${address.pathname}${address.search}${page ? `#/${page}` : ""}`);
  }
  return credentials;
}

/** Begins, with a connection that was asked for before. */
export async function start(early: Early): Promise<void> {
  const credentials = credentialsOfAddress();
  const theme = wish("theme");
  if (theme === "light" || theme === "dark") app.setTheme(theme);
  app.readAddress();
  window.addEventListener("hashchange", () => {
    // A pasted link changes only the fragment of a page that is open already.
    if (!location.hash.startsWith("#/") && location.hash.length > 1) {
      const shown = credentialsOfAddress();
      if (shown.token || shown.password || shown.bootstrapToken) app.client.connect(shown);
    }
    app.readAddress();
  });
  app.client = new Client(
    early.url,
    {
      stand: (stand) => (app.stand = stand),
      hello: (hello, afresh) => {
        app.hello = hello;
        app.health = hello.snapshot.health;
        app.presence = hello.snapshot.presence;
        app.sealed = app.client.device?.sealed ?? true;
        if (afresh) app.epoch += 1;
        void app.countPending();
      },
      event: (heard) => app.tell(heard),
      gap: () => (app.epoch += 1),
    },
    credentials,
  );
  app.client.begin(early);
  // A laptop that wakes up, or a phone that finds the network, need not wait.
  const wake = () => {
    if (app.stand.kind === "reconnecting" || app.stand.kind === "restarting") app.client.connect();
  };
  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
  await app.setLanguage(LANGUAGES.find(({ id }) => id === wish("language"))?.id ?? preferred());
}
