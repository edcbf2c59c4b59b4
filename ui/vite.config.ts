import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** Writes both compressed forms beside every file: the Gateway embeds and serves nothing else. */
function compressed(): Plugin {
  let dist = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      dist = join(config.root, config.build.outDir);
    },
    closeBundle: () => {
      for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const bytes = readFileSync(file);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
        rmSync(file);
      }
    },
  };
}

/** Asks for the one big file first, on the connection that is open already; the small ones find another. */
function startFirst(): Plugin {
  return {
    name: "start-first",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle }) => {
        const start = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "start");
        if (!start) throw new Error("no chunk is called start");
        const link = (file: string, injectTo: "head" | "head-prepend") => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `./${file}` }, injectTo });
        const needed = start.type === "chunk" ? start.imports.filter((file) => !html.includes(file)) : [];
        return [link(start.fileName, "head-prepend"), ...needed.map((file) => link(file, "head"))];
      },
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [svelte(), startFirst(), compressed()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    rolldownOptions: {
      output: {
        // What the chat needs comes in one piece: each further one is a further time there and back.
        codeSplitting: {
          groups: [
            { name: "index", test: /\/ui\/src\/main\.ts$|preload-helper|rolldown.runtime/, priority: 2 },
            { name: "start", test: /\/ui\/src\/start\.ts$/, priority: 1 },
          ],
        },
      },
    },
  },
});
