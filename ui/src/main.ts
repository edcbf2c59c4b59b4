import { mount } from "svelte";

import App from "./App.svelte";
import "./app.css";
import { start } from "./lib/app.svelte";

const target = document.getElementById("app");
if (target) {
  start();
  mount(App, { target });
}
