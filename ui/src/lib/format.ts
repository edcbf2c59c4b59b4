// Times and sizes in the language of the page.

import { app } from "./app.svelte";

/** "5 minutes ago". */
export function ago(ms: number | null | undefined): string {
  if (!ms) return app.t("never");
  const seconds = Math.round((ms - Date.now()) / 1000);
  const format = new Intl.RelativeTimeFormat(app.language, { numeric: "auto", style: "short" });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [["second", 60], ["minute", 60], ["hour", 24], ["day", 7], ["week", 5], ["month", 12]];
  let value = Math.min(0, seconds);
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit);
    value /= size === 5 ? 4.35 : size;
  }
  return format.format(Math.round(value), "year");
}

/** A time of day, with the date where it is not today's. */
export function time(ms: number): string {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(app.language, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

/** The full moment. */
export function moment(ms: number): string {
  return new Date(ms).toLocaleString(app.language, { dateStyle: "medium", timeStyle: "medium" });
}

/** "3 d 4 h". */
export function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const part = (value: number, unit: string) =>
    new Intl.NumberFormat(app.language, { style: "unit", unit, unitDisplay: "short" }).format(value);
  if (minutes < 1) return part(Math.max(0, Math.floor(ms / 1000)), "second");
  if (minutes < 60) return part(minutes, "minute");
  if (minutes < 1440) return `${part(Math.floor(minutes / 60), "hour")} ${part(minutes % 60, "minute")}`;
  return `${part(Math.floor(minutes / 1440), "day")} ${part(Math.floor((minutes % 1440) / 60), "hour")}`;
}

/** "1.5 MB". */
export function size(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 && unit > 0 ? 1 : 0;
  return new Intl.NumberFormat(app.language, { style: "unit", unit: units[unit], maximumFractionDigits: digits }).format(value);
}

/** "12,345". */
export function count(value: number): string {
  return new Intl.NumberFormat(app.language).format(value);
}

/** "$1.20". */
export function money(dollars: number): string {
  return new Intl.NumberFormat(app.language, { style: "currency", currency: "USD", maximumFractionDigits: dollars < 0.1 ? 4 : 2 }).format(dollars);
}

/** A long key in groups that can be compared by eye. */
export function fingerprint(id: string): string {
  return (id.slice(0, 32).match(/.{1,4}/g) ?? []).join(" ");
}

/** Shows a value as JSON. */
export function json(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
}
