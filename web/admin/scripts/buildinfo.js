// Writes beside what was built from which sources it was.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceHash } from "./sources.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
writeFileSync(join(root, "../dist/admin/BUILDINFO"), `sources ${sourceHash(root)}\n`);
