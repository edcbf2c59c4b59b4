import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { start } from "./lib/app.svelte";

const target = document.getElementById("app");
if (target) {
  start();
  mount(App, { target });
  // The page opens without a network then; a browser that cannot, or does not trust it, goes without.
  if (navigator.serviceWorker) {
    window.addEventListener("load", () => {
      const register = () => void navigator.serviceWorker.register("sw.js").catch(() => {});
      if (window.requestIdleCallback) window.requestIdleCallback(register, { timeout: 5_000 });
      else register();
    });
  }
}
