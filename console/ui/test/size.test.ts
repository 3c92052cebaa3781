// The size that is shipped. (What a browser makes of hostile markdown is tested in a browser.)
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const MOST = 150_000;

test("all that is shipped is at most 150 kB, compressed", () => {
  const dist = join(process.cwd(), "dist");
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const size = files.reduce(
    (sum, { parentPath, name }) => sum + gzipSync(readFileSync(join(parentPath, name))).length,
    0,
  );
  assert.ok(files.length >= 4, "build first: npm run build");
  assert.ok(size <= MOST, `${size} bytes`);
});
