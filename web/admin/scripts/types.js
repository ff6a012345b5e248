// Makes the client's types from the API's own description: the running demo's,
// or a file. Usage: npm run types -- openapi.json
import { execFileSync } from "node:child_process";

const [from] = process.argv.slice(2);
if (!from) throw new Error("name the description: npm run types -- openapi.json");
execFileSync("node_modules/.bin/openapi-typescript", [from, "-o", "src/api/schema.d.ts"], { stdio: "inherit" });
