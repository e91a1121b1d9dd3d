import assert from "node:assert/strict";
import { test } from "node:test";
import { childObject, type Json, type JsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import type { Field, Shape, TypeInfo, TypeTable } from "#api/schema/type-table.ts";
import { updateEntriesMax } from "./managed-fields.ts";
import { managerFromUserAgent, managerOf, trackUpdate } from "./update.ts";

const common = {
  subresource: "",
  now: "2030-01-01T00:00:00Z",
  type: "io.k8s.api.core.v1.ConfigMap",
  table: builtinTypes,
  apiVersion: "v1",
};

function configMap(data: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", ...metadata }, data };
}

function managedFields(object: JsonObject): Json {
  return childObject(object, "metadata")?.["managedFields"] ?? null;
}

test("trackUpdate: the entry as it is on the wire", () => {
  const next = configMap({ k: "1" }, { uid: "u", generation: 1, labels: { a: "b" } });
  const result = trackUpdate({ ...common, live: undefined, next, manager: "kubectl-create" });
  assert.equal(result, next);
  assert.deepEqual(managedFields(result), [
    {
      manager: "kubectl-create",
      operation: "Update",
      apiVersion: "v1",
      time: "2030-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:data": { ".": {}, "f:k": {} },
        "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
      },
    },
  ]);
});

test("trackUpdate: an object without managers stays without", () => {
  const next = configMap({ k: "2" });
  trackUpdate({ ...common, live: configMap({ k: "1" }), next, manager: "m" });
  assert.equal(managedFields(next), null);
});

test("trackUpdate: a subresource takes the stored managers, whatever was sent", () => {
  const live = configMap({ k: "1" });
  trackUpdate({ ...common, live: undefined, next: live, manager: "m" });
  const next = configMap({ k: "1" }, { managedFields: [{}] });
  trackUpdate({ ...common, live, next, manager: "n", subresource: "status" });
  assert.deepEqual(managedFields(next), managedFields(live));
});

test("trackUpdate: an empty list of managers forgets them", () => {
  for (const managed of [[], [{}]]) {
    const live = configMap({ k: "1" });
    trackUpdate({ ...common, live: undefined, next: live, manager: "m" });
    const next = configMap({ k: "2" }, { managedFields: managed });
    trackUpdate({ ...common, live, next, manager: "n" });
    assert.equal(managedFields(next), null);
  }
});

test("trackUpdate: sets that a client sends are put in canonical form", () => {
  const entry = {
    manager: "z",
    operation: "Apply",
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1: {
      "f:metadata": { 'k:{"b": 1, "a": "x"}': {}, "?": {}, "f:b": 3 },
      "f:data": { "f:l": {} },
    },
  };
  const live = configMap({ l: "1" });
  const next = configMap({ l: "1" }, { managedFields: [entry] });
  trackUpdate({ ...common, live, next, manager: "m" });
  assert.deepEqual(managedFields(next), [
    {
      ...entry,
      fieldsV1: { "f:data": { "f:l": {} }, "f:metadata": { 'k:{"a":"x","b":1}': {} } },
    },
  ]);
});

test("trackUpdate: the oldest of too many updaters are merged", () => {
  let live: JsonObject | undefined;
  const data: JsonObject = {};
  for (let i = 0; i < updateEntriesMax + 3; i++) {
    data[`k${i}`] = "1";
    const now = `2030-01-01T00:00:${String(i).padStart(2, "0")}Z`;
    const next = configMap({ ...data });
    live = trackUpdate({ ...common, now, live, next, manager: `m${i}` });
  }
  const list = managedFields(live ?? {}) as JsonObject[];
  assert.equal(list.length, updateEntriesMax);
  const [first] = list;
  assert.equal(first?.["manager"], "ancient-changes");
  assert.equal(first["time"], "2030-01-01T00:00:03Z");
  assert.deepEqual(first["fieldsV1"], {
    "f:data": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {} },
  });
});

test("trackUpdate: a custom resource without a schema is looked into, its lists are not", () => {
  const string: Shape = { kind: "string" };
  const field = (name: string, shape: Shape): [string, Field] => [
    name,
    {
      name,
      shape,
      required: false,
      fallback: undefined,
      protobuf: 0,
      protobufPath: [],
      pointer: true,
      omitEmpty: true,
      goType: "",
      granular: false,
      patchStrategy: [],
      patchMergeKey: undefined,
    },
  ];
  const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  const widget: TypeInfo = {
    name: "widget",
    atomic: false,
    fields: new Map([
      field("apiVersion", string),
      field("kind", string),
      field("metadata", { kind: "object", type: meta }),
      field("spec", { kind: "any" }),
    ]),
  };
  const table: TypeTable = {
    find: (name) => (name === "widget" ? widget : builtinTypes.find(name)),
    has: (name) => name === "widget" || builtinTypes.has(name),
    names: () => ["widget", ...builtinTypes.names()],
  };
  const object = (spec: Json): JsonObject => ({
    apiVersion: "x/v1",
    kind: "Widget",
    metadata: { name: "w" },
    spec,
  });
  const request = { ...common, type: "widget", table, apiVersion: "x/v1", manager: "m" };
  const live = trackUpdate({
    ...request,
    live: undefined,
    next: object({ size: 1, parts: [{ name: "a" }], deep: { a: { b: "c" } }, none: {} }),
  });
  const fieldsOf = (it: JsonObject): Json[] =>
    (managedFields(it) as JsonObject[]).map((entry) => entry["fieldsV1"] ?? null);
  assert.deepEqual(fieldsOf(live), [
    {
      "f:spec": {
        ".": {},
        "f:deep": { ".": {}, "f:a": { ".": {}, "f:b": {} } },
        "f:none": {},
        "f:parts": {},
        "f:size": {},
      },
    },
  ]);
  const next = trackUpdate({
    ...request,
    live,
    manager: "n",
    next: object({ size: 1, parts: [], deep: "flat", none: {} }),
  });
  assert.deepEqual(fieldsOf(next), [
    { "f:spec": { ".": {}, "f:none": {}, "f:size": {} } },
    { "f:spec": { "f:deep": {}, "f:parts": {} } },
  ]);
});

test("managerFromUserAgent: the product's name, printable and of bounded length", () => {
  const table: [string, string][] = [
    ["kubectl/v1.32.0 (linux/amd64) kubernetes/abc", "kubectl"],
    ["kube-controller-manager/v1.36", "kube-controller-manager"],
    ["curl", "curl"],
    ["", ""],
    ["a\u0007b\u200bc/1", "abc"],
    ["Mozilla 5/1", "Mozilla 5"],
    ["x".repeat(200), "x".repeat(128)],
    ["é".repeat(100), "é".repeat(64)],
  ];
  for (const [given, want] of table) assert.equal(managerFromUserAgent(given), want);
  assert.equal(managerOf("given", "kubectl/v1"), "given");
  assert.equal(managerOf("", "kubectl/v1"), "kubectl");
  assert.equal(managerOf(undefined, "kubectl/v1"), "kubectl");
});
