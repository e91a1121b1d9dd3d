import assert from "node:assert/strict";
import { test } from "node:test";
import { shortened } from "./stopped-files.ts";

const cases: [options: string[], cwd: string | undefined, want: string[]][] = [
  [["rbind", "rw"], undefined, ["rbind", "rw"]],
  [
    ["index=off", "workdir=/d/s/9/work", "upperdir=/d/s/9/fs", "lowerdir=/d/s/8/fs:/x/7/fs"],
    "/d/s/",
    ["index=off", "workdir=9/work", "upperdir=9/fs", "lowerdir=8/fs:/x/7/fs"],
  ],
];

for (const [options, cwd, want] of cases) {
  test(`shortened: ${options.join(",")}`, () => {
    assert.deepEqual(shortened(options), { cwd, options: want });
  });
}
