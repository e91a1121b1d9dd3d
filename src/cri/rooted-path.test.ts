import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openRoot, openRooted, readRootedText } from "./rooted-path.ts";

let outside: string;
let root: string;

before(() => {
  outside = mkdtempSync(join(tmpdir(), "gantry-rooted-"));
  root = join(outside, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(root, "deep/er"), { recursive: true });
  writeFileSync(join(outside, "etc-passwd"), "outside");
  writeFileSync(join(root, "etc/passwd"), "inside");
  symlinkSync("/etc", join(root, "absolute"));
  symlinkSync("../../../../../etc", join(root, "deep/upwards"));
  symlinkSync("/absolute/passwd", join(root, "chain"));
  symlinkSync("circle", join(root, "circle"));
  symlinkSync("/etc-passwd", join(root, "missing"));
});
after(() => {
  rmSync(outside, { recursive: true });
});

async function meaning(path: string, followLast: boolean): Promise<string> {
  await using handle = await openRoot(root);
  try {
    await using at = await openRooted(handle, path, { followLast });
    if (at.name === undefined) return at.isRoot ? "the root" : "a directory";
    return `${at.name}: ${await readFile(at.path, "utf8").catch(() => "nothing")}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

for (const [path, followed, kept] of [
  ["/", "the root", "the root"],
  ["/..", "the root", "the root"],
  ["../../etc/passwd", "passwd: inside", "passwd: inside"],
  ["etc", "a directory", "etc: nothing"],
  ["etc/.", "a directory", "a directory"],
  ["absolute", "a directory", "absolute: nothing"],
  ["absolute/", "a directory", "a directory"],
  ["absolute/passwd", "passwd: inside", "passwd: inside"],
  ["deep/upwards/passwd", "passwd: inside", "passwd: inside"],
  ["deep/er/../../etc/passwd", "passwd: inside", "passwd: inside"],
  ["etc/none", "none: nothing", "none: nothing"],
  ["none/x", "ENOENT", "ENOENT"],
  ["etc/passwd/x", "ENOTDIR", "ENOTDIR"],
  ["circle/x", "ELOOP", "ELOOP"],
] as const) {
  test(`openRooted: ${path} is ${followed}; ${kept} when links stay`, async () => {
    assert.equal(await meaning(path, true), followed);
    assert.equal(await meaning(path, false), kept);
  });
}

test("readRootedText: files only, and none outside", async () => {
  await using handle = await openRoot(root);
  assert.equal(await readRootedText(handle, "/chain", 100), "inside");
  assert.equal(await readRootedText(handle, "/missing", 100), undefined);
  assert.equal(await readRootedText(handle, "/etc", 100), undefined);
  assert.equal(await readRootedText(handle, "/none", 100), undefined);
  await assert.rejects(readRootedText(handle, "/etc/passwd", 3), /more than 3 bytes/);
});
