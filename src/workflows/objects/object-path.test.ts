import assert from "node:assert/strict";
import { test } from "node:test";
import { isOwnObject, objectPath } from "./object-path.ts";

const settings = { path: "file:///x", threshold: 1, compression: undefined } as const;
const key = { dagId: "d", runId: "manual__2026-01-01T00:00:00+00:00", taskId: "..", mapIndex: -1 };
const folder = "file:///x/d/manual__2026-01-01T00%3A00%3A00%2B00%3A00/%2E%2E";

test("objectPath: below the instance's ids, which lead nowhere else", () => {
  assert.equal(objectPath(settings, key, "a-1"), `${folder}/a-1.json`);
  const zipped = { ...settings, compression: "gzip" } as const;
  assert.equal(objectPath(zipped, key, "a/1"), `${folder}/a%2F1.json.gz`);
});

test("isOwnObject: only what may be the instance's", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [`${folder}/a-1.json`, true],
    [`${folder}/a-1.json.gz`, true],
    [`${folder}/../a.json`, false],
    [`${folder}/b/a.json`, false],
    ["file:///x/other/a.json", false],
    ["file:///etc/passwd", false],
  ];
  for (const [path, want] of cases) assert.equal(isOwnObject(settings, key, path), want, path);
});
