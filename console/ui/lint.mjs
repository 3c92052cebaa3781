// Runs biome from the package of this platform: the one that picks it asks for platforms nobody builds this on.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const name = `@biomejs/cli-${process.platform}-${process.arch}`;
let program;
try {
  program = createRequire(import.meta.url).resolve(`${name}/biome`);
} catch {
  console.error(`lint: ${name} is not installed; run npm ci on Linux, or npm install --no-save ${name}`);
  process.exit(2);
}
const words = ["check", "--error-on-warnings", ...process.argv.slice(2), "."];
process.exit(spawnSync(program, words, { stdio: "inherit" }).status ?? 1);
