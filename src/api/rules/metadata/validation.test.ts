import assert from "node:assert/strict";
import { test } from "node:test";
import { builtin } from "#api/kinds/list.ts";
import type { Json, JsonObject } from "#api/object.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./validation.ts";

function summary(errors: ReturnType<typeof validateObjectMeta>): string {
  return errors.map((it) => `${it.reason.replace("FieldValue", "")} ${it.field}`).join(" ; ");
}

const pods = builtin("", "pods");
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "1" };

const cases: [metadata: JsonObject, want: string, text?: string][] = [
  [{ name: "web", namespace: "default" }, ""],
  [{ namespace: "default" }, "Required metadata.name", "name or generateName is required"],
  [{ name: "Web", namespace: "default" }, "Invalid metadata.name", "lowercase RFC 1123 subdomain"],
  [{ name: "web-x2x9k", generateName: "web-", namespace: "default" }, ""],
  [
    { name: "web-x2x9k", generateName: "Web-", namespace: "default" },
    "Invalid metadata.generateName",
  ],
  [{ name: "web" }, "Required metadata.namespace"],
  [{ name: "web", namespace: "a.b" }, "Invalid metadata.namespace", "must not contain dots"],
  [{ name: "web", namespace: "a", labels: { "a b": "c" } }, "Invalid metadata.labels"],
  [{ name: "web", namespace: "a", labels: { a: "b c" } }, "Invalid metadata.labels"],
  [{ name: "web", namespace: "a", annotations: { "A/b": "any thing" } }, ""],
  [
    { name: "web", namespace: "a", annotations: { big: "x".repeat(262_144) } },
    "TooLong metadata.annotations",
    "may not be more than 262144 bytes",
  ],
  [{ name: "web", namespace: "a", annotations: { big: "ä".repeat(131_000) } }, ""],
  [
    { name: "web", namespace: "a", annotations: { big: "ä".repeat(131_073) } },
    "TooLong metadata.annotations",
  ],
  [
    { name: "web", namespace: "a", finalizers: ["mine"] },
    "Invalid metadata.finalizers[0]",
    "neither a standard finalizer name nor is it fully qualified",
  ],
  [{ name: "web", namespace: "a", finalizers: ["example.com/mine", "orphan"] }, ""],
  [
    { name: "web", namespace: "a", finalizers: ["orphan", "foregroundDeletion"] },
    "Invalid metadata.finalizers",
    "cannot be both set",
  ],
  [{ name: "web", namespace: "a", ownerReferences: [{ ...owner, controller: true }] }, ""],
  [
    {
      name: "web",
      namespace: "a",
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, uid: "2", controller: true },
      ],
    },
    "Invalid metadata.ownerReferences",
    "Only one reference can have Controller set to true",
  ],
  [
    { name: "web", namespace: "a", ownerReferences: [{ ...owner, uid: "" }] },
    "Invalid metadata.ownerReferences.uid",
    "must not be empty",
  ],
  [
    {
      name: "web",
      namespace: "a",
      ownerReferences: [{ apiVersion: "v1", kind: "Event", name: "e", uid: "1" }],
    },
    "Invalid metadata.ownerReferences",
    "is disallowed from being an owner",
  ],
];

for (const [metadata, want, text] of cases) {
  test(`validateObjectMeta: ${JSON.stringify(metadata).slice(0, 120)} -> ${want}`, () => {
    const errors = validateObjectMeta(pods, { metadata });
    assert.equal(summary(errors), want);
    if (text !== undefined) assert.match(errors[0]?.message ?? "", new RegExp(text));
  });
}

const names: [group: string, plural: string, name: string, isGood: boolean][] = [
  ["", "namespaces", "a.b", false],
  ["", "services", "1web", true],
  ["", "services", "a.b", false],
  ["", "configmaps", "a.b", true],
  ["apps", "statefulsets", "a.b", false],
  ["rbac.authorization.k8s.io", "clusterroles", "system:node", true],
  ["rbac.authorization.k8s.io", "clusterroles", "a/b", false],
  ["certificates.k8s.io", "certificatesigningrequests", "Any Thing", true],
  ["networking.k8s.io", "ipaddresses", "10.0.0.1", true],
  ["networking.k8s.io", "ipaddresses", "2001:DB8::1", false],
];

for (const [group, plural, name, isGood] of names) {
  test(`validateObjectMeta: ${plural} ${name} is ${isGood ? "good" : "bad"}`, () => {
    const resource = builtin(group, plural);
    const metadata = resource.namespaced ? { name, namespace: "default" } : { name };
    const want = isGood ? "" : "Invalid metadata.name";
    assert.equal(summary(validateObjectMeta(resource, { metadata })), want);
  });
}

test("validateObjectMeta: a cluster-scoped object has no namespace", () => {
  const object = { metadata: { name: "n", namespace: "default" } };
  const errors = validateObjectMeta(builtin("", "nodes"), object);
  assert.deepEqual(errors, [
    {
      reason: "FieldValueForbidden",
      field: "metadata.namespace",
      message: "Forbidden: not allowed on this type",
    },
  ]);
});

const stored = {
  name: "web",
  namespace: "a",
  uid: "1",
  resourceVersion: "7",
  generation: 2,
  creationTimestamp: "2026-01-01T00:00:00Z",
};

const updates: [key: string, value: Json, want: string][] = [
  ["labels", { a: "b" }, ""],
  ["uid", "2", "Invalid metadata.uid"],
  ["name", "other", "Invalid metadata.name"],
  ["namespace", "b", "Invalid metadata.namespace"],
  ["generation", 1, "Invalid metadata.generation"],
  ["resourceVersion", "", "Invalid metadata.resourceVersion"],
  ["creationTimestamp", "2026-01-02T00:00:00Z", "Invalid metadata.creationTimestamp"],
  ["deletionTimestamp", "2026-01-02T00:00:00Z", "Invalid metadata.deletionTimestamp"],
  ["deletionGracePeriodSeconds", 5, "Invalid metadata.deletionGracePeriodSeconds"],
];

for (const [key, value, want] of updates) {
  test(`validateObjectMetaUpdate: ${key} to ${JSON.stringify(value)} -> ${want}`, () => {
    const next = { metadata: { ...stored, [key]: value } };
    assert.equal(summary(validateObjectMetaUpdate(next, { metadata: stored })), want);
  });
}

test("validateObjectMetaUpdate: a deleted object gets no new finalizers", () => {
  const metadata = { ...stored, deletionTimestamp: "2026-01-02T00:00:00Z", finalizers: ["a.b/c"] };
  const next = { metadata: { ...metadata, finalizers: ["a.b/c", "a.b/d"] } };
  const errors = validateObjectMetaUpdate(next, { metadata });
  assert.equal(summary(errors), "Forbidden metadata.finalizers");
  assert.match(errors[0]?.message ?? "", /found new finalizers \[\]string\{"a.b\/d"\}/);
});
