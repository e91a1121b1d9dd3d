import assert from "node:assert/strict";
import { test } from "node:test";
import { fullName, objectsNamed, resourceNamed, resourcesNamed } from "./resource-names.ts";

const cases: [text: string, want: string][] = [
  ["po", "pods"],
  ["pods", "pods"],
  ["Pod", "pods"],
  ["deploy", "deployments"],
  ["deployments.apps", "deployments"],
  ["hpa", "horizontalpodautoscalers"],
];

for (const [text, want] of cases) {
  test(`resourceNamed: ${text} -> ${want}`, () => {
    assert.equal(resourceNamed(text).plural, want);
  });
}

test("resourceNamed: an unknown name is refused as kubectl does", () => {
  assert.throws(() => resourceNamed("podz"), /the server doesn't have a resource type "podz"/);
});

test("objectsNamed: both spellings", () => {
  const show = (words: string[]): string[] =>
    objectsNamed(words).map((it) => fullName(it.resource, it.name));
  assert.deepEqual(show(["deploy/web", "pod/x"]), ["deployment.apps/web", "pod/x"]);
  assert.deepEqual(show(["po", "a", "b"]), ["pod/a", "pod/b"]);
  assert.throws(() => objectsNamed(["po"]), /which pods/);
});

test("resourcesNamed: all has workloads and services, and no secrets", () => {
  const names = resourcesNamed("all").map((it) => it.plural);
  assert.ok(names.includes("pods") && names.includes("services") && !names.includes("secrets"));
});
