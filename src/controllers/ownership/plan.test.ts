import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabelSelector } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { planClaims } from "./plan.ts";
import { matchesSelector, selectsAll } from "./selection.ts";

const selector = { matchLabels: { app: "web" } };
const owner = { metadata: { name: "web", uid: "me" } };

/** `web`, `web<me`, `db<you`, and a `!` for one that is being deleted. */
function object(text: string): KubernetesObject {
  const [app = "", controller] = text.replace("!", "").split("<");
  const reference = { apiVersion: "v1", kind: "K", name: "k", controller: true };
  return {
    metadata: {
      name: text,
      labels: { app },
      ...(controller === undefined ? {} : { ownerReferences: [{ ...reference, uid: controller }] }),
      ...(text.endsWith("!") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
  };
}

const cases: [objects: string, deleting: boolean, want: string][] = [
  ["web<me", false, "own web<me"],
  ["web", false, "adopt web"],
  ["web!", false, ""],
  ["web<you db", false, ""],
  ["db<me", false, "release db<me"],
  ["db<me!", false, ""],
  ["web<me web db<me", true, "own web<me"],
];

for (const [objects, deleting, want] of cases) {
  test(`planClaims: [${objects}]${deleting ? " by a deleted owner" : ""} -> [${want}]`, () => {
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const by = deleting ? { metadata: { ...owner.metadata, deletionTimestamp } } : owner;
    const claims = planClaims(by, selector, objects.split(" ").map(object));
    const got = [
      ...claims.owned.map((it) => `own ${it.metadata?.name ?? ""}`),
      ...claims.adopt.map((it) => `adopt ${it.metadata?.name ?? ""}`),
      ...claims.release.map((it) => `release ${it.metadata?.name ?? ""}`),
    ];
    assert.equal(got.join(", "), want);
  });
}

const labels = { app: "web", tier: "front" };
const selections: [selector: LabelSelector | undefined, want: boolean][] = [
  [undefined, false],
  [{}, true],
  [{ matchLabels: { app: "web" } }, true],
  [{ matchLabels: { app: "db" } }, false],
  [{ matchLabels: { constructor: "x" } }, false],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["db", "web"] }] }, true],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, false],
  [{ matchExpressions: [{ key: "other", operator: "NotIn", values: ["web"] }] }, true],
  [{ matchExpressions: [{ key: "tier", operator: "Exists" }] }, true],
  [{ matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] }, false],
];

for (const [given, want] of selections) {
  test(`matchesSelector: ${JSON.stringify(given)} -> ${want}`, () => {
    assert.equal(matchesSelector(given, labels), want);
  });
}

test("selectsAll: only a present and empty selector", () => {
  assert.deepEqual([undefined, {}, { matchLabels: { a: "b" } }].map(selectsAll), [
    false,
    true,
    false,
  ]);
});
