// Pictures of every page, in both themes and sizes, to be looked at: node tests/screenshots.mjs FOLDER

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { Machine, launch, signedIn, until, visit } from "./harness.mjs";

const folder = process.argv[2] ?? "screenshots";
const PAGES = ["chat", "overview", "devices", "approvals", "sessions", "channels", "logs", "config", "security", "usage", "connect"];
const LOOKS = [
  ["desk-light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
  ["desk-dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }],
  ["phone-light", { colorScheme: "light", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, locale: "zh-CN" }],
  ["phone-dark", { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
];
const ANSWER = `Three things are worth a look.

1. The **backup** of last night took *14 minutes*, twice as long as usual.
2. \`/var\` is at 81 %.
3. Nothing else.

| Disk | Used | Free |
|---|---|---|
| / | 34 % | 120 GB |
| /var | 81 % | 9 GB |

\`\`\`sh
du -xh /var --max-depth=2 | sort -h | tail
\`\`\`

> Shall I look for what grew?
`;

await mkdir(folder, { recursive: true });
const machine = await Machine.start();
const browser = await launch();
try {
  machine.model.next((reply) => reply.call("session_status", {}));
  machine.model.says(ANSWER);
  await machine.run("agent", "--message", "Is everything well on the server?", "--session-key", "main");
  for (const [key, message] of [["work", "Summarise the release notes, please."], ["home", "晚上吃什么？"], ["a-very-long-name-of-a-session-that-does-not-fit", "hi"]]) {
    machine.model.says("Sure: here it is, in one sentence.");
    await machine.run("agent", "--message", message, "--session-key", key);
  }
  for (const [look, options] of LOOKS) {
    const page = await signedIn(browser, machine, options);
    for (const place of PAGES) {
      await page.goto(`${machine.url}#/${place}`);
      await page.locator(`[data-page=${place}] :is(.card, .turn)`).first().waitFor();
      if (place === "chat") await page.locator(".markdown table").waitFor();
      await until(() => page.evaluate(() => !document.querySelector(".page-head button:disabled svg")), "the page");
      await page.screenshot({ path: join(folder, `${place}-${look}.png`) });
    }
    if (look.startsWith("phone")) {
      await page.locator("header.bar button").click();
      await page.locator(".menu-open").waitFor();
      await until(() => page.evaluate(() => document.querySelector(".side").getBoundingClientRect().left === 0), "the menu");
      await page.screenshot({ path: join(folder, `menu-${look}.png`) });
    }
    await page.context().close();
    const stranger = await visit(browser, machine.url, options);
    await stranger.locator("[data-stand=credential]").waitFor();
    await stranger.screenshot({ path: join(folder, `sign-in-${look}.png`) });
    await stranger.context().close();
  }
} finally {
  await browser.close();
  await machine.stop();
}
