import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { eventually } from "#testing/eventually.ts";
import { AuditLog } from "./log-file.ts";

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "gantry-audit-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function openLog(
  path: string,
  bytesMax = 1_000_000,
): Promise<{ log: AuditLog; metrics: MetricRegistry; clock: FakeClock }> {
  const metrics = new MetricRegistry();
  const clock = new FakeClock(1_000);
  const limits = { bytesMax, backupsMax: 2, ageMaxMs: 0 };
  const log = await AuditLog.open({ path, limits, clock, log: silentLogger, metrics });
  return { log, metrics, clock };
}

test("lines are appended in order to a file that only its owner reads", async (context) => {
  const path = join(await folder(context), "logs", "audit.log");
  for (const start of [0, 1_000]) {
    const { log } = await openLog(path);
    for (let i = start; i < start + 1_000; i++) log.write(`${i}\n`);
    await log[Symbol.asyncDispose]();
  }
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  assert.deepEqual(lines, [...Array(2_000).keys()].map(String));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a file that is full is set aside, and the oldest go", async (context) => {
  const at = await folder(context);
  for (let i = 0; i < 5; i++) {
    const { log, clock } = await openLog(join(at, "audit.log"), 10);
    await clock.advance(i * 1_000);
    log.write(`line ${i} is long\n`);
    await log[Symbol.asyncDispose]();
  }
  assert.deepEqual((await readdir(at)).sort(), [
    "audit-1970-01-01T00-00-04.000.log",
    "audit-1970-01-01T00-00-05.000.log",
    "audit.log",
  ]);
  assert.equal(await readFile(join(at, "audit.log"), "utf8"), "line 4 is long\n");
});

test("what cannot be kept is counted", async (context) => {
  const { log, metrics } = await openLog(join(await folder(context), "audit.log"));
  const line = `${"x".repeat(1024 * 1024 - 1)}\n`;
  for (let i = 0; i < 40; i++) log.write(line);
  await log[Symbol.asyncDispose]();
  assert.match(await metrics.render(), /apiserver_audit_error_total\{plugin="buffered"\} 8/);
});

test("what cannot be written is counted, and later lines are written again", async (context) => {
  const at = await folder(context);
  const path = join(at, "sub", "audit.log");
  const { log, metrics } = await openLog(path, 4);
  log.write("1\n");
  await eventually(async () => {
    assert.equal(await readFile(path, "utf8"), "1\n");
  });
  // It cannot be set aside, as it is gone.
  await rm(join(at, "sub"), { recursive: true });
  log.write("22\n");
  await eventually(async () => {
    assert.match(await metrics.render(), /\{plugin="log"\} 1/);
  });
  log.write("3\n");
  await log[Symbol.asyncDispose]();
  assert.equal(await readFile(path, "utf8"), "3\n");
});

test("a log that cannot be opened is told at once", async (context) => {
  await assert.rejects(openLog(await folder(context)), /EISDIR/);
});
