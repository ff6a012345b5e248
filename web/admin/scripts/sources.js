// The hash of the app's sources, as web/dist_test.go computes it too: a line
// "<sha256 of the content> <path>" for each file, sorted by path.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

// Tests and types leave no trace in what is built.
export const built = (path) => !/\.test\.ts$|\.d\.ts$|^src\/test\//.test(path);

export function sourceHash(root) {
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .concat("package-lock.json", "vite.config.ts", "svelte.config.js")
    .filter(built)
    .sort();
  return sha256(files.map((path) => `${sha256(readFileSync(join(root, path)))} ${path}\n`).join(""));
}
