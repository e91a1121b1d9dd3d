import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, PodTemplateSpec } from "#api/gen/types.ts";
import { obsolete, planHistory, revisionData, templateOf } from "./plan.ts";

function template(image: string): PodTemplateSpec {
  return { spec: { containers: [{ name: "c", image }] } };
}

function revision(name: string, image: string, number: number): ControllerRevision {
  return { metadata: { name }, data: revisionData(template(image)), revision: number };
}

const one = revision("w-1", "one", 1);
const two = revision("w-2", "two", 2);

const cases: [image: string, history: ControllerRevision[], want: string][] = [
  ["one", [], "create 1"],
  ["one", [one], "present w-1"],
  ["two", [one], "create 2"],
  ["one", [two, one], "raise w-1 3"],
  ["two", [two, one], "present w-2"],
];

for (const [image, history, want] of cases) {
  test(`planHistory: ${image} after ${history.length} -> ${want}`, () => {
    const plan = planHistory(template(image), history, (hash) => `w-${hash}`);
    const got =
      plan.kind === "create"
        ? `create ${plan.number}`
        : `${plan.kind} ${plan.revision.metadata?.name ?? ""}${plan.kind === "raise" ? ` ${plan.number}` : ""}`;
    assert.equal(got, want);
  });
}

test("a revision holds its template, in the form that undo patches back", () => {
  assert.deepEqual(templateOf(one), template("one"));
  const data = one.data as { spec: { template: { $patch: string } } };
  assert.equal(data.spec.template.$patch, "replace");
});

test("obsolete: the oldest that no pod has", () => {
  const three = revision("w-3", "three", 3);
  assert.deepEqual(obsolete([three, one, two], new Set(["w-1"]), 1), [two]);
  assert.deepEqual(obsolete([three, one, two], new Set(), 3), []);
});

test("revisionData: as upstream's text, fields in order and lists as they are", () => {
  const template = {
    spec: {
      containers: [{ name: "b", image: "i", env: [{ value: "1", name: "z" }] }, { name: "a" }],
    },
    metadata: { labels: { b: "2", a: "1" } },
  };
  assert.equal(
    JSON.stringify(revisionData(template as PodTemplateSpec)),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},' +
      '"spec":{"containers":[{"env":[{"name":"z","value":"1"}],"image":"i","name":"b"},{"name":"a"}]}}}}',
  );
});
