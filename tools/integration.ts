// Runs the integration tests, file by file. As root each file gets a network namespace of its own, so
// that rules, routes and devices which a killed run left behind cannot reach it, nor its own stay.
// Arguments: a part of the names of the files to run; none means all.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { failureText } from "./integration/failure-text.ts";
import { runShown, type ShownRun } from "./integration/run-shown.ts";

/** Far above what the longest file takes: a file that hangs must not take the others' hour. */
const fileTimeoutMs = 15 * 60_000;
const namespacePrefix = "gantry-check-";
const folderPattern = /^gantry-it-(\d+)-/;

function ip(...args: readonly string[]): boolean {
  return spawnSync("ip", args, { stdio: "ignore" }).status === 0;
}

function isRunning(process: string): boolean {
  return existsSync(`/proc/${process}`);
}

/** A namespace as a machine has it: a loopback, one address, a default route that leads nowhere. */
function makeNamespace(name: string): void {
  const inside = ["-n", name];
  const steps = [
    ["netns", "add", name],
    [...inside, "link", "set", "lo", "up"],
    [...inside, "link", "add", "up0", "type", "veth", "peer", "name", "up1"],
    [...inside, "address", "add", "192.168.77.2/24", "dev", "up0"],
    [...inside, "link", "set", "up0", "up"],
    [...inside, "link", "set", "up1", "up"],
    [...inside, "route", "add", "default", "via", "192.168.77.1"],
  ];
  const failed = steps.find((args) => !ip(...args));
  if (failed !== undefined) throw new Error(`ip ${failed.join(" ")} failed`);
}

/** Ends what runs left that were killed: their installations, and their namespaces. */
function cleanUp(): void {
  for (const name of readdirSync("/tmp")) {
    const owner = folderPattern.exec(name)?.[1];
    if (owner === undefined || isRunning(owner)) continue;
    process.stdout.write(`# resetting ${name}, which a killed run left\n`);
    const data = join("/tmp", name, "data");
    spawnSync(process.execPath, [resolve("dist/gantry.js"), "reset", "--data-dir", data]);
    spawnSync("rm", ["-rf", join("/tmp", name)]);
  }
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const owner = name.startsWith(namespacePrefix) ? name.split("-")[2] : undefined;
    if (owner !== undefined && !isRunning(owner)) ip("netns", "delete", name);
  }
}

async function runFile(file: string, namespace: string | undefined): Promise<ShownRun> {
  const node = [process.execPath, "--test", "--test-reporter=spec", file];
  // Not `ip netns exec`: it would hide the control groups behind a new /sys.
  const command =
    namespace === undefined ? node : ["nsenter", `--net=/run/netns/${namespace}`, ...node];
  // Where other networks are: for tests that fetch packages.
  const env = { ...process.env, GANTRY_TEST_OUTSIDE: `/proc/${process.pid}/ns/net` };
  return await runShown(command, { timeoutMs: fileTimeoutMs, env });
}

const wanted = process.argv.slice(2);
const files = globSync("test/**/*.test.ts")
  .filter((it) => wanted.length === 0 || wanted.some((part) => it.includes(part)))
  .toSorted();
const isolate = process.getuid?.() === 0 && ip("netns", "list");
if (isolate) cleanUp();
const failures: { readonly file: string; readonly text: string }[] = [];
for (const [index, file] of files.entries()) {
  process.stdout.write(`\n# ${file}\n`);
  const namespace = isolate ? `${namespacePrefix}${process.pid}-${index}` : undefined;
  if (namespace !== undefined) makeNamespace(namespace);
  const { succeeded, output } = await runFile(file, namespace);
  if (namespace !== undefined) ip("netns", "delete", namespace);
  if (!succeeded) failures.push({ file, text: failureText(output) });
}
if (files.length === 0) process.stderr.write(`no test file is named like ${wanted.join(", ")}\n`);
for (const { file, text } of failures) process.stderr.write(`\n# failed in ${file}\n${text}\n`);
if (failures.length > 0) process.stderr.write("\n");
for (const { file } of failures) process.stderr.write(`failed: ${file}\n`);
process.exitCode = failures.length > 0 || files.length === 0 ? 1 : 0;
