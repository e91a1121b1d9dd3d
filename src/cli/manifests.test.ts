import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestsOf } from "./manifests.ts";

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

test("manifestsOf: documents and lists, empty documents left out", () => {
  const list =
    '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n"}}]}';
  const found = manifestsOf(`${configMap}---\n---\n${list}\n`, "f.yaml");
  assert.deepEqual(
    found.map((it) => [it.resource.plural, it.namespace, it.name]),
    [
      ["configmaps", undefined, "a"],
      ["pods", "n", "p"],
    ],
  );
});

const refused: [text: string, want: RegExp][] = [
  ["a: [", /error parsing f.yaml/],
  ["- 1", /document 1: expected an object/],
  ["apiVersion: v1\nkind: ConfigMap\n", /metadata.name is missing/],
  [`${configMap}---\napiVersion: v9\nkind: X\nmetadata: {name: a}\n`, /document 2/],
];

for (const [text, want] of refused) {
  test(`manifestsOf: ${JSON.stringify(text.slice(0, 30))} is refused`, () => {
    assert.throws(() => manifestsOf(text, "f.yaml"), want);
  });
}
