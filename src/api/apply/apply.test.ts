import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { copyJson } from "#api/json-value.ts";
import { childObject, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { StatusError } from "#api/status.ts";
import { applyPatch } from "./apply.ts";
import type { Fields } from "./field-set.ts";
import { trackUpdate } from "./update.ts";

const types: Readonly<Record<string, string>> = {
  ConfigMap: "io.k8s.api.core.v1.ConfigMap",
  Deployment: "io.k8s.api.apps.v1.Deployment",
  Pod: "io.k8s.api.core.v1.Pod",
  Service: "io.k8s.api.core.v1.Service",
};

interface Step {
  readonly operation: "apply" | "update";
  readonly manager: string;
  readonly subresource?: string;
  readonly force?: boolean;
  readonly now?: string;
  readonly object: JsonObject;
}

/** What the API server does with a request, as far as ownership goes. */
function run(live: JsonObject | undefined, step: Step): JsonObject {
  const { manager, object } = step;
  const request = {
    live,
    manager,
    subresource: step.subresource ?? "",
    now: step.now ?? "2030-01-01T00:00:00Z",
    type: types[object["kind"] as string] ?? "",
    table: builtinTypes,
    apiVersion: object["apiVersion"] as string,
  };
  return step.operation === "apply"
    ? applyPatch({ ...request, patch: object, force: step.force ?? false })
    : trackUpdate({ ...request, next: copyJson(object) });
}

function entries(object: JsonObject): JsonObject[] {
  const list = childObject(object, "metadata")?.["managedFields"];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function managedOf(object: JsonObject): Json[] {
  return entries(object).map((it) => [
    it["operation"] ?? "",
    it["manager"] ?? "",
    it["subresource"] ?? "",
    it["fieldsV1"] ?? null,
  ]);
}

/** Without managedFields, and without what Go writes as a zero value or not at all. */
function content(value: Json): Json {
  if (Array.isArray(value)) return value.map(content);
  if (!isJsonObject(value)) return value;
  const kept: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    if (
      key === "managedFields" ||
      child === undefined ||
      child === null ||
      child === "" ||
      child === 0
    ) {
      continue;
    }
    const inner = content(child);
    if (typeof inner !== "object" || inner === null || Object.keys(inner).length > 0) {
      kept[key] = inner;
    }
  }
  return kept;
}

interface RecordedStep extends Step {
  readonly managed?: Json[];
  readonly result?: JsonObject;
  readonly error?: string;
  readonly fields?: string[];
}

// Requests in sequence, with what Go's managedfields of release 1.36 makes of each: who owns what,
// the object that an apply yields, or the conflict.
const text = readFileSync(new URL("./testdata/scenarios.json", import.meta.url), "utf8");
for (const { name, steps } of JSON.parse(text) as { name: string; steps: RecordedStep[] }[]) {
  test(`apply: ${name}`, () => {
    let live: JsonObject | undefined;
    for (const step of steps) {
      const before = JSON.stringify([live, step.object]);
      if (step.error === undefined) {
        const result = run(live, step);
        assert.deepEqual(managedOf(result), step.managed);
        assert.equal(JSON.stringify(managedOf(result)), JSON.stringify(step.managed), "in order");
        if (step.result !== undefined) assert.deepEqual(content(result), content(step.result));
        assert.equal(JSON.stringify([live, step.object]), before, "the arguments are left alone");
        live = result;
      } else {
        assert.throws(
          () => run(live, step),
          (error) => isRecorded(error, step),
        );
      }
    }
  });
}

function isRecorded(error: unknown, step: RecordedStep): boolean {
  assert.ok(error instanceof StatusError);
  if (step.fields === undefined) {
    assert.equal(error.code, 400);
    assert.equal(error.message, step.error);
    return true;
  }
  assert.equal(error.code, 409);
  assert.equal(error.reason, "Conflict");
  const causes = error.details?.causes ?? [];
  assert.deepEqual(causes.map((it) => it.field).sort(), step.fields);
  assert.ok(causes.every((it) => it.reason === "FieldManagerConflict"));
  if (causes.length === 1) assert.equal(error.message, step.error);
  return true;
}

function configMap(data: JsonObject): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" }, data };
}

test("apply: the conflict that kubectl shows", () => {
  const live = run(undefined, {
    operation: "update",
    manager: "curl",
    object: configMap({ k: "1" }),
  });
  const step: Step = { operation: "apply", manager: "kubectl", object: configMap({ k: "2" }) };
  assert.throws(() => run(live, step), {
    code: 409,
    message: 'Apply failed with 1 conflict: conflict with "curl" using v1: .data.k',
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "curl" using v1',
          field: ".data.k",
        },
      ],
    },
  });
});

test("apply: conflicts with several managers, one line each", () => {
  let live = run(undefined, { operation: "apply", manager: "a", object: configMap({ k: "1" }) });
  live = run(live, {
    operation: "update",
    manager: "b",
    object: configMap({ k: "1", l: "1", m: "1" }),
  });
  const step: Step = {
    operation: "apply",
    manager: "c",
    object: configMap({ k: "2", l: "2", m: "2" }),
  };
  assert.throws(() => run(live, step), {
    code: 409,
    message: [
      'Apply failed with 3 conflicts: conflicts with "a":',
      "- .data.k",
      'conflicts with "b" using v1:',
      "- .data.l",
      "- .data.m",
    ].join("\n"),
  });
});

test("apply: the time moves only when something changes", () => {
  const object = configMap({ k: "1" });
  const timesOf = (it: JsonObject): Json[] => entries(it).map((entry) => entry["time"] ?? "");
  const apply = { operation: "apply", manager: "m" } as const;
  const first = run(undefined, { ...apply, object, now: "2030-01-01T00:00:00Z" });
  const again = run(first, { ...apply, object, now: "2030-01-01T00:00:09Z" });
  assert.deepEqual(again, first);
  const changed = run(first, {
    ...apply,
    object: configMap({ k: "2" }),
    now: "2030-01-01T00:00:09Z",
  });
  assert.deepEqual(timesOf(changed), ["2030-01-01T00:00:09Z"]);
  const other = { operation: "update", manager: "u", now: "2030-01-01T00:00:09Z" } as const;
  assert.deepEqual(run(first, { ...other, object }), first);
});

test("apply: another version, and managedFields in the configuration, are refused", () => {
  const request = {
    live: undefined,
    manager: "m",
    force: false,
    subresource: "",
    now: "2030-01-01T00:00:00Z",
    type: "io.k8s.api.apps.v1.Deployment",
    table: builtinTypes,
    apiVersion: "apps/v1",
  };
  assert.throws(
    () => applyPatch({ ...request, patch: { apiVersion: "apps/v1beta1", kind: "Deployment" } }),
    { code: 400, message: "invalid object type: apps/v1beta1, Kind=Deployment" },
  );
});

test("apply: fields that the endpoint does not write are nobody's", () => {
  const resetFields: Fields = { "f:status": {} };
  const request = {
    live: undefined,
    manager: "m",
    force: false,
    subresource: "",
    now: "2030-01-01T00:00:00Z",
    type: "io.k8s.api.core.v1.Pod",
    table: builtinTypes,
    apiVersion: "v1",
    resetFields,
  };
  const patch = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "x" },
    spec: { nodeName: "n" },
    status: { phase: "Running" },
  };
  const own = { "f:spec": { "f:nodeName": {} } };
  assert.deepEqual(managedOf(applyPatch({ ...request, patch })), [["Apply", "m", "", own]]);
  const updated = trackUpdate({ ...request, next: copyJson(patch) });
  assert.deepEqual(managedOf(updated), [["Update", "m", "", own]]);
});

const keys = ["a", "b", "c", "d"];
const data = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom("1", "2"));

test("apply: applying the same twice changes nothing more", () => {
  fc.assert(
    fc.property(data, data, (given, applied) => {
      const live = run(undefined, { operation: "update", manager: "u", object: configMap(given) });
      const step: Step = {
        operation: "apply",
        manager: "m",
        force: true,
        object: configMap(applied),
      };
      const once = run(live, step);
      assert.deepEqual(run(once, { ...step, force: false }), once);
    }),
  );
});

test("apply: what only the applier owned goes when it is applied no more", () => {
  fc.assert(
    fc.property(data, (applied) => {
      const apply = { operation: "apply", manager: "m" } as const;
      const live = run(undefined, { ...apply, object: configMap(applied) });
      const bare = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } };
      const result = run(live, { ...apply, object: bare });
      assert.equal(result["data"], undefined);
      assert.deepEqual(entries(result), []);
    }),
  );
});

test("apply: two appliers never lose each other's fields", () => {
  const own = fc.record({ a: data, b: data });
  fc.assert(
    fc.property(fc.array(own, { minLength: 1, maxLength: 5 }), (rounds) => {
      const prefixed = (prefix: string, given: JsonObject): JsonObject =>
        Object.fromEntries(Object.entries(given).map(([key, value]) => [prefix + key, value]));
      let live: JsonObject | undefined;
      for (const { a, b } of rounds) {
        const [left, right] = [prefixed("a", a), prefixed("b", b)];
        live = run(live, { operation: "apply", manager: "left", object: configMap(left) });
        live = run(live, { operation: "apply", manager: "right", object: configMap(right) });
        assert.deepEqual(live["data"] ?? {}, { ...left, ...right });
      }
    }),
  );
});

test("apply: an object without managers is owned by before-first-apply", () => {
  const live: JsonObject = configMap({ k: "1", l: "1" });
  const step: Step = { operation: "apply", manager: "m", object: configMap({ k: "1" }) };
  assert.deepEqual(managedOf(run(live, step)), [
    ["Apply", "m", "", { "f:data": { "f:k": {} } }],
    ["Update", "before-first-apply", "", { "f:data": { ".": {}, "f:k": {}, "f:l": {} } }],
  ]);
  const taking: Step = { operation: "apply", manager: "m", object: configMap({ k: "2" }) };
  assert.throws(() => run(live, taking), {
    code: 409,
    message: /"before-first-apply" using v1: \.data\.k$/,
  });
});
