import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { empty } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import { taskGroup, type Given } from "#dag/authoring/mapped-group.ts";
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

test("instancesToClear: within a mapped group what comes after is of the same element", () => {
  const group = taskGroup("g", ({ n }: Given<{ n: number }>) => {
    chain(task("a", (input: { n: number }) => input.n)({ n }), empty("b"));
  });
  const grouped = dag("g", {}, () => {
    group.expand({ n: task("list", () => [1, 2])() });
  }).model.tasks;
  const given = instances({
    list: "success",
    ...{ "g.a#0": "success", "g.a#1": "success", "g.b#0": "success", "g.b#1": "failed" },
  });
  function clear(tasks: string, mapIndexes?: ReadonlySet<number>): readonly Instance[] {
    const only = { upstream: false, downstream: true, onlyFailed: false, onlyRunning: false };
    return instancesToClear(grouped, given, { ...only, tasks: new Set([tasks]), mapIndexes });
  }
  const text = (its: readonly Instance[]): string =>
    its.map((it) => `${it.taskId}#${it.mapIndex}`).join(" ");
  assert.equal(text(clear("g.a", new Set([1]))), "g.a#1 g.b#1");
  assert.deepEqual(remappedTasks(grouped, given, clear("g.a")), []);
  assert.deepEqual(remappedTasks(grouped, given, clear("list")), ["g.a", "g.b"]);
});
