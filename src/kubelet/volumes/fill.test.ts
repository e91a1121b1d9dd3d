import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { fillVolume, isUnfilled, volumesToFill } from "./fill.ts";

const { signal } = new AbortController();

function folders(): { root: string; target: string; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), "fill-"));
  const [root, target] = [join(directory, "root"), join(directory, "target")];
  mkdirSync(join(root, "var/data/sub"), { recursive: true });
  mkdirSync(target);
  writeFileSync(join(root, "var/data/a"), "one");
  symlinkSync("/etc/passwd", join(root, "var/data/sub/link"));
  symlinkSync("/etc", join(root, "elsewhere"));
  chmodSync(join(root, "var/data"), 0o750);
  return { root, target, directory };
}

test("fillVolume: files, links and the mode of the directory itself", async () => {
  const { root, target, directory } = folders();
  try {
    assert.equal(await isUnfilled(target), true);
    await fillVolume({ root, path: "/var/data" }, target, signal);
    assert.equal(readFileSync(join(target, "a"), "utf8"), "one");
    assert.equal(readlinkSync(join(target, "sub/link")), "/etc/passwd");
    assert.equal(statSync(target).mode & 0o777, 0o750);
    assert.deepEqual(readdirSync(target).sort(), ["a", "sub"]);
    assert.equal(await isUnfilled(target), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("fillVolume: what was cut short begins again", async () => {
  const { root, target, directory } = folders();
  try {
    writeFileSync(join(target, ".gantry-filling"), "");
    writeFileSync(join(target, "half"), "");
    assert.equal(await isUnfilled(target), true);
    await fillVolume({ root, path: "/var/data" }, target, signal);
    assert.deepEqual(readdirSync(target).sort(), ["a", "sub"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

for (const path of ["/nothing", "/var/data/a", "/elsewhere", "/../../../etc"]) {
  test(`fillVolume: ${path} fills nothing`, async () => {
    const { root, target, directory } = folders();
    try {
      await fillVolume({ root, path }, target, signal);
      assert.deepEqual(readdirSync(target), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

test("volumesToFill: those of the annotation, and whole", () => {
  const pod: Pod = { metadata: { annotations: { "gantry.dev/fill-volumes": "a,b" } } };
  const mounts = [
    { name: "a", mountPath: "/a" },
    { name: "b", mountPath: "/b", subPath: "part" },
    { name: "c", mountPath: "/c" },
  ];
  assert.deepEqual(volumesToFill(pod, mounts), [{ volume: "a", path: "/a" }]);
  assert.deepEqual(volumesToFill({}, mounts), []);
});
