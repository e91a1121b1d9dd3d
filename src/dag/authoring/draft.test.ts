import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "./dag.ts";
import { group } from "./draft.ts";
import { task } from "./task.ts";

const again = task("again", () => 1);

for (const [given, build, want] of [
  [
    "one task three times",
    () => {
      again();
      again();
      again();
    },
    ["again", "again__1", "again__2"],
  ],
  [
    "an id that is taken already is passed over",
    () => {
      again();
      task("again__2", () => 1)();
      again();
      again();
    },
    ["again", "again__2", "again__1", "again__3"],
  ],
  [
    "groups count on their own",
    () => {
      again();
      group("g", () => {
        again();
        again();
      });
      again();
    },
    ["again", "g.again", "g.again__1", "again__1"],
  ],
] as const) {
  test(`freeId: ${given}`, () => {
    const { model } = dag("d", {}, build);
    assert.deepEqual(
      model.tasks.map((it) => it.id),
      want,
    );
  });
}
