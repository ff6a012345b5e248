import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The files have stable names: the server puts a hash of them all into their
// path. There is no index.html: the server's own template is the shell.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
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
