// Makes the client's types from the API's own description: the running demo's,
// or a file. Usage: npm run types -- openapi.json
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [from] = process.argv.slice(2);
if (!from) throw new Error("name the description: npm run types -- openapi.json");

const text = /^https?:/.test(from) ? await (await fetch(from)).text() : readFileSync(from, "utf8");
const description = JSON.parse(text);

// A domain's settings may be left out when they are sent, but all that are
// objects come back, empty ones too. The app only sends what came.
const settings = description.components.schemas.DomainSettings;
settings.required = Object.keys(settings.properties).filter((name) => settings.properties[name].$ref);

const dir = mkdtempSync(join(tmpdir(), "types-"));
try {
  const file = join(dir, "openapi.json");
  writeFileSync(file, JSON.stringify(description));
  execFileSync("node_modules/.bin/openapi-typescript", [file, "-o", "src/api/schema.d.ts"], { stdio: "inherit" });
} finally {
  rmSync(dir, { recursive: true });
}
