import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "./dag.ts";
import { group } from "./draft.ts";
import { taskGroup, type Given } from "./mapped-group.ts";
import { bash } from "./operators.ts";
import type { Link, Output } from "./output.ts";
import { task } from "./task.ts";

const list = task("list", () => ["a", "b"]);
const load = task("load", (input: { file: string; to: string }) => input.file.length);
const check = task("check", (input: { size: number }) => input.size > 0);

const etl = taskGroup("etl", ({ file, to }: Given<{ file: string; to: string }>) => {
  const size = load({ file, to });
  const good = check({ size });
  bash("done", { command: "true" }).after(good);
  return { size, good };
});

test("taskGroup: its tasks are mapped together, with edges where the group begins", () => {
  const { model } = dag("d", {}, () => {
    const { size } = etl.partial({ to: "db" }).expand({ file: list() });
    const sizes: Output<number[]> = size;
    task("sum", (input: { sizes: number[] }) => input.sizes.length)({ sizes });
  });
  const edges = model.tasks.map((it) => [it.id, it.upstream.join(" "), it.mappedGroup]);
  assert.deepEqual(edges, [
    ["list", "", undefined],
    ["etl.load", "list", "etl"],
    ["etl.check", "etl.load", "etl"],
    ["sum", "etl.load", undefined],
    ["etl.done", "etl.check", "etl"],
  ]);
  const [, first, , , last] = model.tasks;
  const file = { $element: { name: "file", path: [] } };
  assert.deepEqual(first?.arguments, { file, to: "db" });
  assert.deepEqual(model.tasks.at(1)?.expand, last?.expand);
});

test("taskGroup: whole sets of arguments, and parts of elements", () => {
  const read = task("read", (input: { name: string }) => input.name);
  const each = taskGroup("each", ({ table }: Given<{ table: { name: string } }>) =>
    read({ name: table.get("name") }),
  );
  const { model } = dag("d", {}, () => {
    each.expandEach([{ table: { name: "x" } }]);
  });
  const [first] = model.tasks;
  const name = { $element: { name: "table", path: ["name"] } };
  assert.deepEqual([first?.expand?.kind, first?.arguments], ["each", { name }]);
});

test("taskGroup: called, it is a plain group", () => {
  const { model } = dag("d", {}, () => {
    etl({ file: "a", to: "db" });
  });
  assert.deepEqual(model.tasks[0]?.arguments, { file: "a", to: "db" });
  assert.ok(model.tasks.every((it) => it.mappedGroup === undefined && it.expand === undefined));
});

test("taskGroup: says what cannot be in a mapped one", () => {
  const inner = taskGroup("inner", ({ n }: Given<{ n: number }>) => check({ size: n }));
  const table: readonly (readonly [RegExp, () => Link])[] = [
    [
      /task outer\.check__1: a task of the mapped group 'outer' cannot be mapped itself/,
      () => check.expand({ size: [1] }),
    ],
    [
      /task outer\.e: .* cannot have the trigger rule 'always'/,
      () => bash("e", { command: "true", triggerRule: "always" }),
    ],
    [/group outer\.inner: a group cannot be mapped within 'outer'/, () => inner.expand({ n: [1] })],
    [/two tasks have the id 'outer.a.b'/, () => group("a", () => [bashB(), bashB()])],
  ];
  const bashB = (): Link => bash("b", { command: "true" });
  for (const [want, build] of table) {
    const outer = taskGroup("outer", ({ x }: Given<{ x: number }>) => {
      check({ size: x }).after(build());
    });
    const declare = (): unknown =>
      dag("d", {}, () => {
        outer.expand({ x: [1] });
      });
    assert.throws(declare, want);
  }
});
