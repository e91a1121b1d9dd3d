import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findInstance, InstanceLock } from "./instance.ts";

test("InstanceLock: one at a time per directory, found by others, free again afterwards", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-lock-"));
  try {
    assert.equal(await findInstance(directory), undefined);
    const lock = await InstanceLock.take(directory);
    assert.ok(lock !== undefined);
    assert.equal(await InstanceLock.take(directory), undefined);
    const found = await findInstance(directory);
    assert.equal(found?.report.pid, process.pid);
    found.close();
    lock[Symbol.dispose]();
    await found.ended;
    const again = await InstanceLock.take(directory);
    assert.ok(again !== undefined);
    again[Symbol.dispose]();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("findInstance: a directory that does not exist has none", async () => {
  assert.equal(await findInstance("/nonexistent/gantry"), undefined);
});
