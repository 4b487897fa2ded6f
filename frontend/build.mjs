// Builds the static files that Django serves under /static/ui/: styles, scripts, fonts and the icon sprite.
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const finished = here("dist/ui");
const out = watching() ? finished : here("dist/.next");

function watching() {
  return process.argv.includes("--watch");
}

async function sprite() {
  const names = JSON.parse(await readFile(here("icons.json"), "utf8"));
  const symbols = await Promise.all(names.map(symbol));
  await writeFile(`${out}/icons.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
}

async function symbol(name) {
  const svg = await readFile(here(`node_modules/lucide-static/icons/${name}.svg`), "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.indexOf("</svg>")).replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
}

function tailwind() {
  const args = [here("node_modules/@tailwindcss/cli/dist/index.mjs"), "-i", here("src/app.css"), "-o", here(".build/app.css")];
  const done = spawnSync(process.execPath, args, { cwd: here("."), encoding: "utf8" });
  if (done.status !== 0) {
    console.error(done.stderr);
    process.exit(1);
  }
}

function bundle() {
  return esbuild.context({
    entryPoints: {
      agents: here("src/agents/page.ts"),
      app: here("src/app.ts"),
      call: here("src/call/page.ts"),
      checks: here("src/checks/page.ts"),
      desktop: here("src/desktop/page.ts"),
      knowledge: here("src/knowledge/page.ts"),
      sw: here("src/desktop/sw.ts"),
      tools: here("src/tools/page.ts"),
      theme: here("src/theme.ts"),
      try: here("src/try/page.ts"),
      staff: here("src/staff/page.ts"),
      styles: here("src/styles.css"),
    },
    outdir: out,
    bundle: true,
    minify: !watching(),
    sourcemap: watching() ? "inline" : false,
    format: "iife",
    target: ["es2022", "chrome111", "firefox128", "safari16.4"],
    loader: { ".woff2": "file" },
    assetNames: "fonts/[name]",
    legalComments: "none",
    logLevel: "warning",
  });
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
tailwind();
await sprite();
await copyFile(here("src/mark.svg"), `${out}/mark.svg`);
await copyFile(here("node_modules/emoji-picker-element-data/en/emojibase/data.json"), `${out}/emoji.json`);
const context = await bundle();
await context.rebuild();
if (watching()) {
  await context.watch();
  console.log("Watching src; run again after a change of templates, styles or icons.");
} else {
  await context.dispose();
  await rm(finished, { recursive: true, force: true });
  await rename(out, finished); // a server that runs meanwhile never finds half a build
}
