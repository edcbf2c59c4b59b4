// Markdown to HTML that can do nothing: no scripts, no styles, no forms, nothing fetched from elsewhere.

import DOMPurify from "dompurify";
import { Lexer, Marked } from "marked";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  // HTML in a text is shown as what was written: nobody means it to be part of this page.
  renderer: { html: ({ text }) => text.replace(/[&<>]/g, (sign) => ESCAPES[sign] ?? sign) },
});

const TAGS = [
  "p", "br", "hr", "strong", "b", "em", "i", "del", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h1", "h2", "h3",
  "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "input", "sup", "sub", "kbd", "mark", "span", "details", "summary",
];

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
  // A class could make a message look like a part of the page.
  if (node.hasAttribute("class") && !/^language-[\w+#-]+$/.test(node.getAttribute("class") ?? "")) node.removeAttribute("class");
  if (node.nodeName === "INPUT") {
    // Only what task lists are made of.
    if (node.getAttribute("type") !== "checkbox") node.remove();
    else node.setAttribute("disabled", "");
  }
});

/** What was rendered lately: whoever scrolls sees the same again. */
const known = new Map<string, string>();
const KEPT = 400;
const LONGEST_KEPT = 20_000;

/** HTML of a text, safe to show. */
export function render(text: string): string {
  const before = known.get(text);
  if (before !== undefined) return before;
  const html = rendered(text);
  if (text.length <= LONGEST_KEPT) {
    known.set(text, html);
    // The oldest goes.
    const [oldest] = known.size > KEPT ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
  }
  return html;
}

/** How long a piece of a long text is, unless one block of it is longer. */
const PIECE = 1_500;

/** Cuts a long text between its blocks into texts that look the same one by one. */
export function split(text: string): string[] {
  const lexer = new Lexer(marked.defaults);
  const blocks = lexer.blockTokens(text.replace(/\r\n?/g, "\n"), []);
  // What links are named by may stand anywhere, and is needed everywhere.
  const names = blocks.filter(({ type }) => type === "def").map(({ raw }) => raw).join("\n");
  const pieces: string[] = [];
  let piece = "";
  for (const { type, raw } of blocks) {
    if (type === "def") continue;
    if (piece && piece.length + raw.length > PIECE) {
      pieces.push(piece);
      piece = "";
    }
    piece += raw;
  }
  if (piece.trim()) pieces.push(piece);
  return names ? pieces.map((one) => `${one}\n\n${names}`) : pieces;
}

function rendered(text: string): string {
  const html = marked.parse(text) as string;
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "align", "start", "type", "checked", "disabled", "class", "open"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}
