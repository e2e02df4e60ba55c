// `npm run release`: makes sure that what would be published is what it should be, and then tries it (`npm publish --dry-run`).
// With --really it is published: `npm run release -- --really`. `npm publish` here ends in --guard. Nothing guards a tarball:
// `npm publish x.tgz` runs no script of its.
//
// Refuses a folder with changes, a version that is not the changelog's newest, a version that the registry has, failing
// tests (ADIUVA_URL names their server, `make run`), and a tarball without, or with more than, the files of the package.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILES = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  ...["LICENSES.txt", "index.browser.js", "index.cjs", "index.d.cts", "index.d.ts", "index.js"].map((name) => `dist/${name}`),
  "package.json",
];
const MOST_BYTES = 2_000_000; // unpacked
const isWindows = process.platform === "win32"; // npm is a script there, which only a shell starts
const GUARD = "ADIUVA_RELEASE";

const root = fileURLToPath(new URL("../", import.meta.url));
const { name, version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

function refuse(why) {
  console.error(`Not published: ${why}`);
  process.exit(1);
}

/** What it prints; its end is ours, unless `may` fail. */
function run(command, { shown = false, may = false, env = {} } = {}) {
  const [program, ...options] = command;
  const done = spawnSync(program, options, { cwd: root, env: { ...process.env, ...env }, encoding: "utf8", shell: isWindows, stdio: shown ? "inherit" : "pipe" });
  if (done.status !== 0 && !may) refuse(`${command.join(" ")} failed\n${done.stderr ?? ""}`);
  return done.status === 0 ? (done.stdout ?? "") : undefined;
}

function checkTree() {
  if (run(["git", "status", "--porcelain", "--", "."]) !== "") refuse("the folder has changes that are not committed");
}

function checkVersion() {
  const newest = /^## (\d+\.\d+\.\d+\S*)/m.exec(readFileSync(`${root}CHANGELOG.md`, "utf8"))?.[1];
  if (newest !== version) refuse(`package.json says ${version}, and CHANGELOG.md says ${newest}`);
  // A registry that cannot be asked, or has never heard of the package, is not in the way: it would refuse a version itself.
  if (run(["npm", "view", `${name}@${version}`, "version"], { may: true })?.trim() === version) refuse(`the registry has ${version}`);
}

function checkTarball() {
  const [{ files, size, unpackedSize }] = JSON.parse(run(["npm", "pack", "--dry-run", "--json", "--silent"]));
  const packed = files.map(({ path }) => path);
  const missing = FILES.filter((file) => !packed.includes(file));
  const more = packed.filter((file) => !FILES.includes(file));
  if (missing.length > 0 || more.length > 0) refuse(`the tarball lacks [${missing}] and has [${more}] besides`);
  const empty = files.filter((file) => file.size === 0).map(({ path }) => path);
  if (empty.length > 0) refuse(`the tarball has empty files: ${empty}`);
  if (unpackedSize > MOST_BYTES) refuse(`the package has ${unpackedSize} bytes, more than ${MOST_BYTES}`);
  console.log(`${name} ${version}: ${packed.length} files, ${size} bytes packed, ${unpackedSize} unpacked`);
}

if (process.argv.includes("--guard")) {
  if (process.env[GUARD] !== version) refuse("`npm run release` does that, and checks before");
} else {
  const isReal = process.argv.includes("--really");
  checkTree();
  checkVersion();
  run(["npm", "test"], { shown: true });
  checkTarball();
  run(["npm", "publish", ...(isReal ? [] : ["--dry-run"])], { shown: true, env: { [GUARD]: version } });
  console.log(isReal ? "Published." : "Not published: this was a trial. --really publishes.");
}
