// What the answers of the transcripts used, by day, by model and by session.

import type { Client } from "./client";
import type { SessionRow, TranscriptMessage } from "./protocol";

/** Requests under way at one time. */
const AT_ONCE = 4;
/** Messages of one request. */
const PAGE = 200;
/** Requests for one session; a longer transcript is counted by its end. */
const PAGES = 5;
/** Text is not needed here, only what stands beside it. */
const LETTERS = 1;

/** Tokens and their price. */
export interface Sum {
  read: number;
  cached: number;
  written: number;
  /** US dollars, where the price is known; the parts are of what was read, cached and written. */
  cost: number;
  costRead: number;
  costCached: number;
  costWritten: number;
}

/** One answer. */
export interface Answer extends Sum {
  at: number;
  session: string;
  model: string;
}

/** What was found, and whether it is all there is. */
export interface Answers {
  answers: Answer[];
  isWhole: boolean;
}

/** The sum of several. */
export function total(sums: readonly Sum[]): Sum {
  const whole = { read: 0, cached: 0, written: 0, cost: 0, costRead: 0, costCached: 0, costWritten: 0 };
  const names = Object.keys(whole) as (keyof Sum)[];
  for (const sum of sums) for (const name of names) whole[name] += sum[name];
  return whole;
}

/** All tokens. */
export const tokens = ({ read, cached, written }: Sum): number => read + cached + written;

/** The first moment of today and of the days before it, oldest first, as clocks here tell. */
export function lastDays(days: number, now = new Date()): number[] {
  return Array.from({ length: days }, (_, place) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - (days - 1 - place)).getTime());
}

/** What was used on each of these days. */
export function byDay(answers: readonly Answer[], days: readonly number[]): { at: number; sum: Sum }[] {
  return days.map((at, place) => {
    const end = days[place + 1] ?? Infinity;
    return { at, sum: total(answers.filter((answer) => answer.at >= at && answer.at < end)) };
  });
}

/** What was used by each model or session, the most first. */
export function by(answers: readonly Answer[], name: "model" | "session"): { name: string; sum: Sum }[] {
  const groups = new Map<string, Answer[]>();
  for (const answer of answers) {
    const group = groups.get(answer[name]);
    if (group) group.push(answer);
    else groups.set(answer[name], [answer]);
  }
  return [...groups].map(([name, group]) => ({ name, sum: total(group) })).sort((one, other) => tokens(other.sum) - tokens(one.sum));
}

function answerOf(message: TranscriptMessage, session: string): Answer | undefined {
  const { usage } = message;
  if (!usage) return undefined;
  const model = [message.provider, message.model].filter(Boolean).join("/");
  const { cost } = usage;
  const [costWritten, costCached] = [cost?.output ?? 0, (cost?.cacheRead ?? 0) + (cost?.cacheWrite ?? 0)];
  const whole = cost?.total ?? 0;
  return {
    at: message.timestamp,
    session,
    model: model || "?",
    read: usage.input,
    cached: usage.cacheRead + usage.cacheWrite,
    written: usage.output,
    cost: whole,
    costRead: Math.max(0, whole - costWritten - costCached),
    costCached,
    costWritten,
  };
}

/** Reads the answers since a moment from the transcripts of these sessions. */
export async function answersSince(client: Client, rows: readonly SessionRow[], since: number): Promise<Answers> {
  const waiting = rows.filter((row) => (row.updatedAt ?? Infinity) >= since);
  const found: Answers = { answers: [], isWhole: true };
  const read = async (sessionKey: SessionRow["key"]): Promise<void> => {
    let offset = 0;
    for (let page = 0; page < PAGES; page += 1) {
      const history = await client.call("chat.history", { sessionKey, limit: PAGE, maxChars: LETTERS, offset });
      const messages = history.messages ?? [];
      found.answers.push(...messages.flatMap((message) => answerOf(message, sessionKey) ?? []).filter(({ at }) => at >= since));
      const oldest = messages[0]?.timestamp ?? 0;
      if (!history.hasMore || oldest < since || history.nextOffset === undefined) return;
      offset = history.nextOffset;
    }
    found.isWhole = false;
  };
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row; row = waiting.shift()) await read(row.key);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}
