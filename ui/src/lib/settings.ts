// The settings of the configuration that a form can show, from its schema.

export const HIDDEN = "__OPENCLAW_REDACTED__";

export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

export type Kind = "flag" | "choice" | "number" | "text";

export interface Setting {
  path: string[];
  name: string;
  kind: Kind;
  choices: string[];
  about: string;
  schema: Schema;
}

export interface Section {
  settings: Setting[];
  /** Keys below it that a form cannot show. */
  others: string[];
}

const DEEPEST = 4;

function kind(schema: Schema): Kind | undefined {
  if (schema.enum?.every((value) => typeof value === "string")) return "choice";
  if (schema.type === "boolean") return "flag";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "string") return "text";
  return undefined;
}

export function section(schema: Schema, path: string[]): Section {
  const found: Section = { settings: [], others: [] };
  collect(schema, path, found);
  return found;
}

function collect(schema: Schema, path: string[], found: Section): void {
  const name = path.join(".");
  // A text or a reference to a secret: the form offers the text.
  const branches = schema.anyOf ?? schema.oneOf;
  const simple = branches?.find((branch) => kind(branch)) ?? schema;
  const shown = kind(simple);
  if (shown) {
    const choices = (simple.enum ?? []).map(String);
    found.settings.push({ path, name, kind: shown, choices, about: schema.description ?? simple.description ?? "", schema: simple });
  } else if (schema.properties && path.length < DEEPEST) {
    for (const [key, inner] of Object.entries(schema.properties)) collect(inner, [...path, key], found);
  } else {
    found.others.push(name);
  }
}

export function at(value: unknown, path: string[]): unknown {
  let found = value;
  for (const key of path) found = (found as Record<string, unknown> | undefined)?.[key];
  return found;
}

/** A merge patch of some keys; `null` goes back to the default. */
export function patch(changes: { path: string[]; value: unknown }[]): unknown {
  const whole: Record<string, unknown> = {};
  for (const { path, value } of changes) {
    let inner = whole;
    for (const key of path.slice(0, -1)) inner = (inner[key] ??= {}) as Record<string, unknown>;
    inner[path.at(-1)!] = value;
  }
  return whole;
}
