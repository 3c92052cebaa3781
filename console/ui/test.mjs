// Runs the unit tests of the pure parts: bundles test/*.test.ts and gives them to node's own runner.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const tests = new URL("test/", import.meta.url).pathname;
const out = await mkdtemp(join(tmpdir(), "tidegate-ui-"));
const entryPoints = (await readdir(tests))
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join(tests, name));
await build({
  entryPoints,
  bundle: true,
  platform: "node",
  format: "esm",
  outdir: out,
  outExtension: { ".js": ".mjs" },
});
const built = (await readdir(out)).map((name) => join(out, name));
const { status } = spawnSync(process.execPath, ["--test", ...built], { stdio: "inherit" });
await rm(out, { recursive: true });
process.exit(status ?? 1);
