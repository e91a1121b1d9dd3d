import assert from "node:assert/strict";
import { test } from "node:test";
import { backupName, expiredBackups } from "./rotation.ts";

const now = Date.parse("2026-03-04T05:06:07.089Z");
const hourMs = 3_600_000;

test("what is set aside has its time in its name", () => {
  assert.equal(backupName("audit.log", now), "audit-2026-03-04T05-06-07.089.log");
  assert.equal(backupName("audit", now), "audit-2026-03-04T05-06-07.089");
});

function backup(hours: number): string {
  return backupName("audit.log", now - hours * hourMs);
}

const files = [backup(3), "audit.log", backup(1), "audit-old.log", "other.log", backup(30)];

const cases: [backupsMax: number, ageHours: number, expired: string[]][] = [
  [0, 0, []],
  [3, 0, []],
  [2, 0, [backup(30)]],
  [1, 0, [backup(3), backup(30)]],
  [0, 24, [backup(30)]],
  [1, 2, [backup(3), backup(30)]],
];

for (const [backupsMax, ageHours, want] of cases) {
  test(`of ${backupsMax} files of ${ageHours} hours, ${want.length} go`, () => {
    const limits = { bytesMax: 1, backupsMax, ageMaxMs: ageHours * hourMs };
    assert.deepEqual(expiredBackups("audit.log", files, now, limits), want);
  });
}
