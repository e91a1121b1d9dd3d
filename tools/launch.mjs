// Starts Gantry from a checkout. Runs on the system's Node, which may be old: plain JavaScript, no
// packages. Installs the npm packages (with the Node that Gantry is pinned to), bundles the sources
// when they changed, and hands over.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, "node_modules", "node", "bin", "node");
const bundle = join(root, "dist", "gantry.js");

function fail(message) {
  process.stderr.write(`gantry: ${message}\n`);
  process.exit(1);
}

/** Runs a command to its end, its output on our standard error; ours is for what was asked. */
function run(command, args, what) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) {
    fail(
      `${what} failed; run it by hand to see why: cd ${root} && ${[command, ...args].join(" ")}`,
    );
  }
}

/** `npm ci` when the lock file changed since the last time. */
function installPackages() {
  const stamp = join(root, "node_modules", ".gantry-installed");
  const lock = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && existsSync(pinnedNode)) return;
  process.stderr.write("gantry: installing npm packages (npm ci)\n");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci");
  if (!existsSync(pinnedNode)) {
    // npm may be set to skip install scripts; this is the one that we need.
    run(
      process.execPath,
      [join("node_modules", "node", "installArchSpecificPackage.js")],
      "the install of the pinned Node",
    );
  }
  if (!existsSync(pinnedNode)) fail("the npm package 'node' has no binary for this machine");
  writeFileSync(stamp, wanted);
}

function newestChange(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const changed = entry.isDirectory() ? newestChange(path) : statSync(path).mtimeMs;
    newest = Math.max(newest, changed);
  }
  return newest;
}

function bundleIfChanged() {
  if (existsSync(bundle)) {
    const sources = [
      join(root, "src"),
      join(root, "package-lock.json"),
      join(root, "tools", "bundle.ts"),
    ];
    const newest = Math.max(
      ...sources.map((it) =>
        statSync(it).isDirectory() ? newestChange(it) : statSync(it).mtimeMs,
      ),
    );
    if (statSync(bundle).mtimeMs >= newest) return;
    rmSync(bundle);
  }
  run(pinnedNode, [join("tools", "bundle.ts")], "the bundling of the sources");
}

function handOver(args) {
  const child = spawn(pinnedNode, args, { stdio: "inherit" });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(name, () => child.kill(name));
  }
  child.on("error", (error) => fail(`${pinnedNode}: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}

const args = process.argv.slice(2);
installPackages();
if (args[0] === "check") {
  process.chdir(root);
  handOver([join(root, "tools", "check.ts"), ...args.slice(1)]);
} else {
  bundleIfChanged();
  // What takes types out of code is called experimental, which no user has to know.
  handOver(["--disable-warning=ExperimentalWarning", bundle, ...args]);
}
