// The languages of the interface. English comes with the page; the others are fetched by those who read them.

import { ENGLISH, type Word, type Words } from "./words";

export type { Word };

export const LANGUAGES = [
  { id: "en", name: "English" },
  { id: "zh-CN", name: "简体中文" },
] as const;

export type Language = (typeof LANGUAGES)[number]["id"];

const tables: Partial<Record<Language, Words>> = { en: ENGLISH };

/** Fetches the words of a language; tells whether they are there. */
export async function learn(language: Language): Promise<boolean> {
  if (language === "zh-CN" && !tables[language]) {
    const fetched = await import("./words-zh").catch(() => undefined);
    if (fetched) tables[language] = fetched.CHINESE;
  }
  return tables[language] !== undefined;
}

/** The language of a browser that asked for none. */
export function preferred(): Language {
  return navigator.languages.some((tag, place) => place === 0 && tag.toLowerCase().startsWith("zh")) ? "zh-CN" : "en";
}

/** A word in a language, with its gaps filled. */
export function word(language: Language, key: Word, gaps: Record<string, string | number> = {}): string {
  const text = (tables[language] ?? ENGLISH)[key];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(gaps[name] ?? ""));
}
