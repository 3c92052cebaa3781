// Builds dist/: one script, one stylesheet and an icon with hashed names, index.html that names them, and the
// licences of what is in the script.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const SHIPPED = ["@preact/signals", "@preact/signals-core", "dompurify", "marked", "preact", "uplot"];
const digest = (content) => createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
const here = (path) => new URL(path, import.meta.url);

async function bundle() {
  const made = await build({
    entryPoints: { main: here("src/main.tsx").pathname },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome123", "firefox125", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { "process.env.NODE_ENV": '"production"' },
    outdir: here("dist/assets").pathname,
    entryNames: "[name]-[hash]",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  return Object.keys(made.metafile.outputs).map((path) => path.slice(path.lastIndexOf("/") + 1));
}

async function hashed(source, name, extension) {
  const content = await readFile(here(source));
  const hashedName = `${name}-${digest(content)}.${extension}`;
  await writeFile(here(`dist/assets/${hashedName}`), content);
  return hashedName;
}

async function licences() {
  const texts = await Promise.all(
    SHIPPED.map(async (name) => `${name}\n\n${await readFile(here(`node_modules/${name}/LICENSE`), "utf8")}`),
  );
  const content = texts.join("\n\n");
  await writeFile(here(`dist/assets/licences-${digest(content)}.txt`), content);
}

await rm(here("dist"), { recursive: true, force: true });
await mkdir(here("dist/assets"), { recursive: true });
const [names, icon] = [await bundle(), await hashed("src/icon.svg", "icon", "svg"), await licences()];
const page = await readFile(here("src/index.html"), "utf8");
const named = {
  SCRIPT: names.find((n) => n.endsWith(".js")),
  STYLE: names.find((n) => n.endsWith(".css")),
  ICON: icon,
};
await writeFile(
  here("dist/index.html"),
  page.replace(/\{(SCRIPT|STYLE|ICON)\}/g, (_, key) => named[key]),
);
