import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The style sheet is put together chunk by chunk. Which of its layers weighs
// more must not depend on which chunk comes first.
const layersFirst: Plugin = {
  name: "layers-first",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "asset" && file.fileName.endsWith(".css")) {
        file.source = "@layer reset,tokens,base,parts,pages;\n" + String(file.source);
      }
    }
  },
};

// The files have stable names: the server puts a hash of them all into their
// path. There is no index.html: the server's own template is the shell.
export default defineConfig({
  base: "./",
  plugins: [svelte(), layersFirst],
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  build: {
    outDir: "../dist/admin",
    emptyOutDir: true,
    target: "es2023",
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      input: { main: "src/main.ts" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
        codeSplitting: {
          groups: [
            { name: "svelte", test: /node_modules/ },
            { name: "common", test: /src\/(api|lib|ui|strings)\//, minShareCount: 4 },
          ],
        },
      },
    },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
});
