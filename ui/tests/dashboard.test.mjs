// A link of `openclaw dashboard` in a real browser: signed in once, by nobody else, and at home afterwards.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Machine, launch, visit } from "./harness.mjs";

let machine;
let browser;
before(async () => ([machine, browser] = await Promise.all([Machine.start(), launch()])));
after(async () => {
  await browser?.close();
  await Machine.stopAll();
});

test("a link signs one browser in, once, leaves the address at once, and the browser stays signed in", async () => {
  const made = JSON.parse(await machine.run("dashboard", "--json", "--page", "devices"));
  assert.ok(made.browserUrl.startsWith(`${machine.url}#bootstrapToken=`), made.browserUrl);
  const secret = /bootstrapToken=([^&]+)/.exec(made.browserUrl)[1];
  const page = await visit(browser, made.browserUrl);
  await page.waitForSelector("[data-page=devices]");
  assert.ok(!page.url().includes(secret), page.url());
  // All that the owner may do: a list that needs the pairing scope is shown.
  await page.locator("[data-page=devices] .card").first().waitFor();
  await page.goto(machine.url);
  await page.reload();
  await page.waitForSelector("[data-page=chat]");
  // The used link again, in the browser that is paired: it does no harm.
  await page.goto(`${machine.url}?again${made.browserUrl.slice(made.url.length)}`);
  await page.waitForSelector("[data-page=devices]");
  // And in another browser: it does nothing at all.
  const thief = await visit(browser, made.browserUrl);
  await thief.waitForSelector("[data-stand=credential]");
  assert.ok(!thief.url().includes(secret), thief.url());
  assert.deepEqual(page.problems, []);
});
