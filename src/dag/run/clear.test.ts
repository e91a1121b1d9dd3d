import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import { task } from "#dag/authoring/task.ts";
import type { TaskState } from "#dag/model/states.ts";
import { instancesToClear, remappedTasks, type ClearChoice } from "./clear.ts";

const { model } = dag("d", {}, () => {
  const up = empty("up");
  const down = empty("down");
  const work = empty("work");
  chain(up, work, down);
  down.asTeardown({ setups: up });
  const list = task("list", () => [1, 2])();
  const each = task("each", (input: { n: number }) => input.n).expand({ n: list });
  chain(work, list);
  chain(each, empty("end"));
});

interface Instance {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly state: TaskState | null;
}

function instances(states: Readonly<Record<string, TaskState | null>>): Instance[] {
  return Object.entries(states).map(([name, state]) => {
    const [taskId = "", mapIndex = "-1"] = name.split("#");
    return { taskId, mapIndex: Number(mapIndex), state };
  });
}

const ended = instances({
  up: "success",
  work: "success",
  down: "success",
  list: "success",
  "each#0": "success",
  "each#1": "failed",
  end: "upstream_failed",
});

const cases: [choice: Partial<ClearChoice> & { names?: string }, want: string][] = [
  [{}, "up work down list each#0 each#1 end"],
  [{ onlyFailed: true }, "each#1 end"],
  [{ names: "list" }, "list"],
  [{ names: "list", downstream: true }, "list each#0 each#1 end"],
  [{ names: "each", upstream: true, onlyFailed: true }, "each#1"],
  [{ names: "each", mapIndexes: new Set([1]), downstream: true }, "each#1 end"],
  [{ names: "work" }, "work up down"],
  [{ onlyRunning: true }, ""],
];

for (const [{ names, ...choice }, want] of cases) {
  test(`instancesToClear: ${names ?? "all"} ${JSON.stringify(choice)} -> [${want}]`, () => {
    const got = instancesToClear(model.tasks, ended, {
      upstream: false,
      downstream: false,
      onlyFailed: false,
      onlyRunning: false,
      ...choice,
      tasks: names === undefined ? undefined : new Set(names.split(" ")),
    });
    const text = got.map((it) => (it.mapIndex < 0 ? it.taskId : `${it.taskId}#${it.mapIndex}`));
    assert.equal(text.join(" "), want);
  });
}

test("remappedTasks: only those that run again as a whole, and after what they are mapped over", () => {
  const of = (...names: readonly string[]): readonly Instance[] =>
    ended.filter((it) => names.includes(it.taskId));
  assert.deepEqual(remappedTasks(model.tasks, ended, of("list", "each")), ["each"]);
  assert.deepEqual(remappedTasks(model.tasks, ended, of("each")), []);
  assert.deepEqual(remappedTasks(model.tasks, ended, of("list")), []);
});
