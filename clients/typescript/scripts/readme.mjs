// Takes the examples out of README.md, a module each, so that tsc can read them.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";

const root = new URL("../", import.meta.url);
const folder = new URL("build/readme/", root);
const examples = [...(await readFile(new URL("README.md", root), "utf8")).matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
if (examples.length === 0) throw new Error("README.md has no examples");

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
// What Vite's own template declares.
await writeFile(new URL("env.d.ts", folder), "interface ImportMeta { readonly env: { readonly [name: string]: string | undefined } }\n");
await Promise.all(
  examples.map(([, code], index) => writeFile(new URL(`example-${index + 1}.ts`, folder), `${code}\nexport {};\n`)),
);
