// The list of sessions, kept up to date by events.

import { app } from "./app.svelte";
import type { SessionRow } from "./protocol";

const PAGE_SIZE = 50;

class Sessions {
  rows = $state.raw<SessionRow[]>([]);
  total = $state(0);
  hasMore = $state(false);
  loaded = $state(false);
  search = $state("");

  private turn = 0;
  private pause = 0;

  /** Reads the list, and hears of changes from then on. */
  async load(limit = PAGE_SIZE): Promise<void> {
    const turn = ++this.turn;
    const search = this.search.trim() || undefined;
    const wanted = { includeDerivedTitles: true, includeLastMessage: true, limit, search };
    const { list } = await app.client.call("sessions.subscribe", wanted);
    if (turn !== this.turn || !list) return;
    this.rows = list.sessions;
    this.total = list.totalCount ?? list.count;
    this.hasMore = list.hasMore ?? false;
    this.loaded = true;
  }

  find(key: string): SessionRow | undefined {
    return this.rows.find((row) => row.key === key);
  }

  more(): Promise<void> {
    return this.load(this.rows.length + PAGE_SIZE);
  }

  /** A change: the whole list is read again soon, which puts it in order too. */
  changed(key: string, row: SessionRow | undefined): void {
    if (row) {
      const merge = (old: SessionRow) => (old.key === key ? { ...old, ...row } : old);
      this.rows = this.rows.map(merge);
    }
    clearTimeout(this.pause);
    this.pause = window.setTimeout(() => void this.load(Math.max(PAGE_SIZE, this.rows.length)).catch(() => {}), 400);
  }
}

export const sessions = new Sessions();

/** What a session is called. */
export function titleOf(row: SessionRow | undefined, key: string): string {
  const known = row?.label || row?.displayName || row?.derivedTitle;
  if (known && known !== key) return known;
  const parts = key.split(":");
  return parts.length > 2 && parts[0] === "agent" ? parts.slice(2).join(":") : key;
}
