// All that the chat needs, in one file.

import { mount } from "svelte";

import App from "./App.svelte";
import { start } from "./lib/app.svelte";
import type { Early } from "./lib/early";

export async function begin(early: Early): Promise<void> {
  const target = document.getElementById("app");
  if (!target) return;
  await start(early);
  mount(App, { target });
  // The page opens without a network then; a browser that cannot, or does not trust it, goes without.
  if (!navigator.serviceWorker) return;
  const register = () => void navigator.serviceWorker.register("sw.js").catch(() => {});
  const whenIdle = () => (window.requestIdleCallback ? window.requestIdleCallback(register, { timeout: 5_000 }) : register());
  if (document.readyState === "complete") whenIdle();
  else window.addEventListener("load", whenIdle);
}
