import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LocalDirectories } from "./local-directories.ts";

const signal = new AbortController().signal;

async function inTemporary(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "local-directories-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test("LocalDirectories: made for everybody, made again without loss, removed with all in it", async () => {
  await inTemporary(async (directory) => {
    const root = join(directory, "volumes");
    const directories = new LocalDirectories(root);
    const path = await directories.create("pvc-1");
    assert.equal(path, join(root, "pvc-1"));
    assert.equal((await stat(path)).mode & 0o7777, 0o777);
    await writeFile(join(path, "data"), "kept");
    assert.equal(await directories.create("pvc-1"), path);
    assert.deepEqual(await readdir(path), ["data"]);
    await directories.create("pvc-2");
    await directories.remove("pvc-1", signal);
    assert.deepEqual(await readdir(root), ["pvc-2"]);
    await directories.remove("pvc-1", signal);
  });
});

test("LocalDirectories: what is listed, and what goes only when it is empty", async () => {
  await inTemporary(async (directory) => {
    const directories = new LocalDirectories(join(directory, "volumes"));
    assert.deepEqual(await directories.list(), []);
    await directories.create("pvc-1");
    await writeFile(join(await directories.create("pvc-2"), "data"), "");
    await mkdir(join(directory, "volumes/.removing-pvc-3"));
    for (const name of ["pvc-1", "pvc-2", "pvc-9"]) await directories.removeEmpty(name);
    assert.deepEqual(await directories.list(), ["pvc-2"]);
  });
});

test("LocalDirectories: a removal that was cut short is finished", async () => {
  await inTemporary(async (root) => {
    const directories = new LocalDirectories(root);
    await mkdir(join(root, ".removing-pvc-1/deep"), { recursive: true });
    await directories.create("pvc-1");
    await directories.remove("pvc-1", signal);
    assert.deepEqual(await readdir(root), []);
  });
});

test("LocalDirectories: links are removed, not followed", async () => {
  await inTemporary(async (directory) => {
    const outside = join(directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "precious"), "");
    const root = join(directory, "volumes");
    const directories = new LocalDirectories(root);
    await symlink(outside, join(await directories.create("pvc-1"), "link"));
    await symlink(outside, join(root, "pvc-2"));
    await directories.remove("pvc-1", signal);
    await assert.rejects(directories.create("pvc-2"), /is not a directory/);
    await directories.remove("pvc-2", signal);
    assert.deepEqual(await readdir(root), []);
    assert.deepEqual(await readdir(outside), ["precious"]);
  });
});

const names = [
  "",
  ".",
  "..",
  "../x",
  "a/b",
  "/etc",
  ".removing-a",
  "a..b",
  "A",
  "a\0",
  "a".repeat(300),
];
for (const name of names) {
  test(`LocalDirectories: ${JSON.stringify(name.slice(0, 20))} is no volume's name`, async () => {
    await inTemporary(async (root) => {
      const directories = new LocalDirectories(root);
      await assert.rejects(directories.create(name), /is not a volume's name/);
      await assert.rejects(directories.remove(name, signal), /is not a volume's name/);
    });
  });
}
