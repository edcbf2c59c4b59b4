// One visit of a browser that has nothing kept, measured: node bench/visit.mjs URL TOKEN WORD MODE
// WORD is the end of one of the last messages. MODE is `open` (how fast), `lazy` (all pages, their bytes) or
// `scroll` (to the first message and back). Prints one line of JSON. Knows nothing of either interface but
// what a person sees: links of a navigation, a text, something that scrolls.

import { chromium } from "playwright-core";

import { longestTask } from "./tasks.mjs";

const [url, token, word, mode] = process.argv.slice(2);
const LIMIT = 180_000;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", serviceWorkers: "block" });
  // What a service worker fetches would not be counted.
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  const loads = [];
  cdp.on("Network.loadingFinished", ({ encodedDataLength }) => loads.push({ at: Date.now(), bytes: encodedDataLength }));
  await page.addInitScript((word) => {
    const seen = (window.seen = { tasks: [] });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.tasks.push(Math.round(duration));
    }).observe({ type: "longtask", buffered: true });
    /** Every element, those of open shadows too. */
    const all = function* (root, selector) {
      yield* root.querySelectorAll(selector);
      for (const host of root.querySelectorAll("*")) if (host.shadowRoot) yield* all(host.shadowRoot, selector);
    };
    window.all = all;
    const look = () => {
      if (!document.body) return setTimeout(look, 5);
      if (!seen.shell) {
        for (const link of all(document, ":is(nav, [role=navigation]) :is(a[href], button)")) {
          if (!link.checkVisibility() || link.getBoundingClientRect().width === 0) continue;
          seen.shell = -1;
          // Usable is what has been painted and has the thread again.
          requestAnimationFrame(() => setTimeout(() => {
            seen.shell = performance.now();
            seen.shellAt = Date.now();
          }));
          break;
        }
      }
      if (!seen.history && document.body.textContent.includes(word)) {
        seen.history = -1;
        requestAnimationFrame(() => setTimeout(() => (seen.history = performance.now())));
      }
      if (!(seen.shell > 0 && seen.history > 0)) setTimeout(look, 10);
    };
    look();
  }, word);
  await page.goto(`${url}#token=${token}`, { waitUntil: "commit", timeout: LIMIT });
  await page.waitForFunction(() => window.seen.shell > 0 && window.seen.history > 0, undefined, { polling: 100 });
  const { shell, shellAt, history } = await page.evaluate(() => window.seen);
  const bytes = (until = Infinity) => loads.reduce((sum, load) => sum + (load.at <= until ? load.bytes : 0), 0);
  const found = { shell, history, critical: bytes(shellAt) };

  if (mode === "lazy") {
    const quiet = async () => {
      for (let before = -1; before !== loads.length;) {
        before = loads.length;
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      }
    };
    await quiet();
    const places = await page.evaluate(() => [...window.all(document, ":is(nav, [role=navigation]) a[href]")].map((link) => link.href));
    found.pages = 0;
    for (const place of new Set(places.filter((place) => place.startsWith(url)))) {
      // As a click does, without leaving the document.
      await page.evaluate((place) => [...window.all(document, "a[href]")].find((link) => link.href === place)?.click(), place);
      found.pages += 1;
      await quiet();
    }
    found.lazy = bytes();
  }

  if (mode === "scroll") {
    await page.evaluate(() => void (window.seen.tasks.length = 0));
    const { result, longest } = await longestTask(page, () => page.evaluate(async (limit) => {
      const end = performance.now() + limit;
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      let view;
      while (!view && performance.now() < end) {
        await frame();
        for (const one of window.all(document, "*")) {
          const style = getComputedStyle(one);
          if (!/auto|scroll/.test(style.overflowY) || one.scrollHeight <= one.clientHeight) continue;
          if (!view || one.clientHeight * one.clientWidth > view.clientHeight * view.clientWidth) view = one;
        }
      }
      const least = () => Math.min(...[...view.textContent.matchAll(/number (\d+) of/g)].map(([, number]) => Number(number)));
      // Upwards until the first message is there, or nothing has come for a while.
      let first = least();
      let changed = performance.now();
      while (first > 0 && performance.now() < end && performance.now() - changed < 8_000) {
        view.scrollTop = 0;
        await frame();
        await frame();
        const now = least();
        if (now < first) [first, changed] = [now, performance.now()];
        else if (performance.now() - changed > 2_000) for (const button of view.querySelectorAll("button")) if (/older|earlier|more/i.test(button.textContent)) button.click();
      }
      const paging = Math.max(0, ...window.seen.tasks.splice(0));
      // And all the way down again, more than half a window a frame.
      let frames = 0;
      for (let at = 0; at < view.scrollHeight && performance.now() < end; at += 500) {
        view.scrollTop = at;
        await frame();
        frames += 1;
      }
      await frame();
      return { first, paging, frames, walking: Math.max(0, ...window.seen.tasks) };
    }, LIMIT));
    Object.assign(found, result, { work: longest });
  }
  process.stdout.write(`${JSON.stringify(found)}\n`);
} finally {
  await browser.close();
}
