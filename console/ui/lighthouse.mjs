// Asks Lighthouse about a running console: npm run lighthouse -- http://127.0.0.1:8080 [mobile]
// It is fetched when it is asked for: its two hundred packages are no part of a build.
import { spawnSync } from "node:child_process";

const [url, form = "desktop"] = process.argv.slice(2);
if (!url) {
  console.error("lighthouse: name the console's address: npm run lighthouse -- http://127.0.0.1:8080");
  process.exit(2);
}
const asked = ["performance", "accessibility", "best-practices"];
const words = [
  "exec",
  "--yes",
  "--package=lighthouse@12.8.2",
  "--",
  "lighthouse",
  url,
  ...(form === "desktop" ? ["--preset=desktop"] : []),
  "--quiet",
  "--output=json",
  "--chrome-flags=--headless=new --no-sandbox",
  `--only-categories=${asked.join(",")}`,
];
const env = { CHROME_PATH: "/usr/bin/chromium", ...process.env };
const { stdout, status } = spawnSync("npm", words, {
  env,
  maxBuffer: 1 << 26,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
if (status) process.exit(status);
const { categories, audits } = JSON.parse(stdout);
for (const name of asked) console.log(`${name}: ${Math.round(categories[name].score * 100)}`);
for (const name of ["first-contentful-paint", "total-blocking-time", "cumulative-layout-shift"])
  console.log(`${name}: ${audits[name].displayValue}`);
