// Colours for code, loaded when there is first some.

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = { bash, c, css, diff, go, ini, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
hljs.registerAliases(["json5", "jsonc"], { languageName: "json" });
hljs.registerAliases(["sh", "shell", "console", "zsh"], { languageName: "bash" });
hljs.registerAliases(["svelte", "vue"], { languageName: "xml" });

/** Longer code keeps one colour: colouring it would be felt. */
const LONGEST = 20_000;

/** Colours the code of an element in place. Its text stays what it is, and what it holds is text only. */
export function colour(code: HTMLElement, language: string): void {
  const text = code.textContent ?? "";
  if (text.length > LONGEST || !hljs.getLanguage(language)) return;
  // The library's HTML is read as a document of its own, and only its coloured words are taken over.
  const parsed = new DOMParser().parseFromString(hljs.highlight(text, { language, ignoreIllegals: true }).value, "text/html");
  const fresh = document.createDocumentFragment();
  copy(parsed.body, fresh);
  if (fresh.textContent === text) code.replaceChildren(fresh);
}

function copy(from: Node, to: Node): void {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.appendChild(document.createTextNode(node.nodeValue ?? ""));
    } else if (node instanceof HTMLSpanElement || (node as Element).tagName === "SPAN") {
      const span = document.createElement("span");
      const kind = /hljs-([a-z]+)/.exec((node as Element).className)?.[1];
      if (kind) span.className = `hl-${kind}`;
      copy(node, span);
      to.appendChild(span);
    }
  }
}
