// Writes dist/: three bundles of src/index.ts (unminified, so that they need no source maps), and one file of declarations.
//
//   index.js          ES modules; the dependencies stay imports
//   index.browser.js  the same with src/node.browser.ts in the place of src/node.ts
//   index.cjs         CommonJS; what exists as ES modules only (cborg, @scure/bip39) is in it, for Node 20 cannot require that
//   index.d.cts       all declarations, those of openapi-fetch included: they need no other package, and no lib after ES2020
//   index.d.ts        the same by their names
//   LICENSES.txt      of what was copied in
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const root = new URL("../", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, root));
const { dependencies } = JSON.parse(await readFile(path("package.json"), "utf8"));
const HAVE_COMMONJS = ["hash-wasm"]; // openapi-fetch has it, too, where its default is found by some and not by others

const forBrowsers = {
  name: "for browsers",
  setup: ({ onResolve }) => onResolve({ filter: /\/node\.js$/ }, ({ importer }) => (importer.startsWith(path("src/")) ? { path: path("src/node.browser.ts") } : undefined)),
};

function bundle(name, format, external, plugins = []) {
  return build({
    absWorkingDir: path("."),
    entryPoints: [path("src/index.ts")],
    outfile: path(`dist/${name}`),
    bundle: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    format,
    external,
    plugins,
    metafile: true,
    logLevel: "warning",
  });
}

async function declarations(values) {
  const external = (id) => id.startsWith("node:") || id === "ws";
  const input = { input: path("src/index.ts"), external, plugins: [dts({ tsconfig: path("tsconfig.build.json"), respectExternal: true })] };
  const { output } = await (await rollup(input)).generate({ format: "es" });
  return honest(output[0].code, values).replace(/^(?: {4})+/gm, (spaces) => "\t".repeat(spaces.length / 4));
}

/** A class that is exported as a type only must not look like a value: `new Keys()` would compile, and fail. */
function honest(code, values) {
  return code.replace(/^export \{ (.*) \};$/m, (_, list) => {
    const names = list.split(", ");
    const types = names.filter((name) => !values.includes(name));
    return `export { ${names.filter((name) => !types.includes(name)).join(", ")} };\nexport type { ${types.join(", ")} };`;
  });
}

/** Whose licences ask to be passed on with what was copied. */
async function licenses(files) {
  const copied = new Set([...files.flatMap((file) => file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []), "openapi-typescript-helpers"]);
  const texts = [...copied].sort().map(async (name) => {
    const folder = path(`node_modules/${name}/`);
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} comes without its licence`);
    return `${name}\n\n${(await readFile(`${folder}${file}`, "utf8")).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

await rm(path("dist"), { recursive: true, force: true });
const all = Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]);
const [, , { metafile }] = await Promise.all([
  bundle("index.js", "esm", all),
  bundle("index.browser.js", "esm", all, [forBrowsers]),
  bundle("index.cjs", "cjs", HAVE_COMMONJS),
]);
await writeFile(path("dist/index.d.cts"), await declarations(Object.keys(await import(new URL("dist/index.js", root)))));
await writeFile(path("dist/index.d.ts"), 'export * from "./index.cjs";\n');
await writeFile(path("dist/LICENSES.txt"), await licenses(Object.keys(metafile.inputs)));
