import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { builtinResources } from "#api/kinds/list.ts";
import { childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { apiVersionOf } from "#api/resource.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import type { Shape } from "#api/schema/type-table.ts";
import { StatusError } from "#api/status.ts";
import { parseYaml } from "#api/yaml.ts";
import { decodeObject } from "./decode.ts";
import {
  encodeList,
  encodeMessage,
  encodeObject,
  encodeWatchFrame,
  wrapMessage,
} from "./encode.ts";
import { hasProtobuf } from "./layout.ts";
import { Reader } from "./reader.ts";

const definition =
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
const types = new Map([
  ...builtinResources.map((it) => [`${apiVersionOf(it)} ${it.kind}`, it.type] as const),
  ["apiextensions.k8s.io/v1 CustomResourceDefinition", definition] as const,
  ["v1 PodList", "io.k8s.api.core.v1.PodList"] as const,
]);

function lookup(apiVersion: string, kind: string): string | undefined {
  return types.get(`${apiVersion} ${kind}`);
}

function typeOf(object: JsonObject): string {
  return lookup(childString(object, "apiVersion") ?? "", childString(object, "kind") ?? "") ?? "";
}

function decode(data: Uint8Array): JsonObject {
  return decodeObject(data, lookup, builtinTypes);
}

/** What upstream's bytes hold beyond the YAML: structs that Go's JSON shows even when empty. */
const alsoShown: Readonly<Record<string, JsonObject>> = {
  customresourcedefinition: { status: { acceptedNames: { kind: "", plural: "" } } },
};

const folder = join(import.meta.dirname, "testdata");
for (const file of readdirSync(folder).filter((it) => it.endsWith(".hex"))) {
  const name = file.replace(".hex", "");
  const bytes = Uint8Array.from(
    Buffer.from(readFileSync(join(folder, file), "utf8").replaceAll("\n", ""), "hex"),
  );
  const object = parseYaml(readFileSync(join(folder, `${name}.yaml`), "utf8")).documents[0]?.value;
  assert.ok(isJsonObject(object));
  // YAML spells out one null, which both forms of an object leave out.
  const want = withoutNulls({ ...object, ...alsoShown[name] });

  test(`decodes ${name} as upstream wrote it`, () => {
    assert.deepEqual(decode(bytes), want);
  });

  test(`encodes ${name} so that it decodes to itself`, () => {
    assert.deepEqual(
      decode(encodeObject(object, typeOf(object), builtinTypes)),
      withoutNulls(object),
    );
  });
}

function withoutNulls(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object), (_, it: unknown) => it ?? undefined) as JsonObject;
}

const samplesOfAny = {
  any: { any: [1, null, "x"] },
  "schema-or-boolean": false,
  "schema-or-list": [{ type: "x" }],
  "schema-or-strings": ["a"],
};

/** A value with every field set, to a depth at which only recursive types go on. */
function sample(shape: Shape, depth: number): Json {
  switch (shape.kind) {
    case "string":
      return {
        "date-time": "2026-01-02T03:04:05Z",
        "micro-time": "1969-12-31T23:59:59.000001Z",
        byte: "AAH/",
        quantity: "1500m",
        duration: "1m0s",
        text: "é text",
      }[shape.format ?? "text"];
    case "boolean":
      return true;
    case "integer":
      return shape.bits === 32 ? -7 : Number.MAX_SAFE_INTEGER;
    case "number":
      return 0.25;
    case "int-or-string":
      return depth % 2 === 0 ? 8080 : "http";
    case "object":
      return sampleObject(shape.type, depth + 1);
    case "map":
      return { b: sample(shape.values, depth), a: sample(shape.values, depth) };
    case "list":
      return [sample(shape.items, depth), sample(shape.items, depth)];
    case "any":
      return samplesOfAny[shape.union ?? "any"];
  }
}

function sampleObject(type: string, depth: number): JsonObject {
  const object: JsonObject = {};
  if (depth > 12) return object;
  for (const field of builtinTypes.find(type).fields.values()) {
    const recursive =
      field.shape.kind !== "any" && JSON.stringify(field.shape).includes("JSONSchemaProps");
    if (field.protobuf === 0 || (recursive && depth > 6)) continue;
    object[field.name] = sample(field.shape, depth);
  }
  return object;
}

test("every field of every kind survives a round trip", () => {
  for (const [key, type] of types) {
    const [apiVersion = "", kind = ""] = key.split(" ");
    const object = { apiVersion, kind, ...sampleObject(type, 0) };
    const decoded = decode(encodeObject(object, type, builtinTypes));
    assert.deepEqual(decoded, object, key);
  }
});

test("texts and integers of any value survive a round trip", () => {
  const type = "io.k8s.api.core.v1.ConfigMap";
  const integer = fc.oneof(fc.maxSafeInteger(), fc.integer());
  const text = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(
      fc.dictionary(text, text, { noNullPrototype: true }),
      integer,
      (data, generation) => {
        fc.pre(
          !Object.hasOwn(data, "__proto__") && generation !== 0 && Object.keys(data).length > 0,
        );
        const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { generation }, data };
        assert.deepEqual(decode(encodeObject(object, type, builtinTypes)), object);
      },
    ),
  );
});

test("zero values of fields that are not pointers read as absent, required ones stay", () => {
  const container = { name: "", image: "", stdin: false, resources: {}, securityContext: {} };
  const object = { apiVersion: "v1", kind: "Pod", metadata: {}, spec: { containers: [container] } };
  assert.deepEqual(decode(encodeObject(object, "io.k8s.api.core.v1.Pod", builtinTypes)), {
    apiVersion: "v1",
    kind: "Pod",
    spec: { containers: [{ name: "", securityContext: {} }] },
  });
});

test("an object in the raw bytes of another decodes in place", () => {
  const inner = { apiVersion: "v1", kind: "ConfigMap", data: { a: "b" } };
  const enveloped = encodeObject(inner, "io.k8s.api.core.v1.ConfigMap", builtinTypes);
  const frame = encodeWatchFrame("ADDED", enveloped);
  assert.equal(new DataView(frame.buffer).getUint32(0), frame.length - 4);
  const lookupEvent = (version: string, kind: string): string | undefined =>
    kind === "WatchEvent"
      ? "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
      : lookup(version, kind);
  const event = wrapMessage({ apiVersion: "v1", kind: "WatchEvent" }, frame.subarray(4));
  assert.deepEqual(decodeObject(event, lookupEvent, builtinTypes), {
    apiVersion: "v1",
    kind: "WatchEvent",
    type: "ADDED",
    object: inner,
  });
});

test("encodeList joins messages into what encodeObject writes for the whole list", () => {
  const list = {
    apiVersion: "v1",
    kind: "PodList",
    metadata: { resourceVersion: "12", remainingItemCount: 3 },
    items: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }],
  };
  const items = list.items.map((it) => encodeMessage(it, "io.k8s.api.core.v1.Pod", builtinTypes));
  const joined = encodeList({ ...list, items }, builtinTypes);
  assert.deepEqual(joined, encodeObject(list, "io.k8s.api.core.v1.PodList", builtinTypes));
  assert.deepEqual(decode(joined), list);
});

test("tables have no protobuf form", () => {
  assert.equal(hasProtobuf(builtinTypes, "io.k8s.apimachinery.pkg.apis.meta.v1.Table"), false);
  assert.equal(hasProtobuf(builtinTypes, "io.k8s.api.core.v1.Pod"), true);
});

test("bytes that are no object are a 400, whatever they are", () => {
  const good = encodeObject(
    { apiVersion: "v1", kind: "Pod", ...sampleObject("io.k8s.api.core.v1.Pod", 0) },
    "io.k8s.api.core.v1.Pod",
    builtinTypes,
  );
  const change = fc.record({
    at: fc.nat(good.length - 1),
    byte: fc.nat(255),
    end: fc.nat(good.length),
  });
  fc.assert(
    fc.property(change, ({ at, byte, end }) => {
      const bad = Uint8Array.from(good).subarray(0, Math.max(at, end));
      bad[at] = byte;
      try {
        decode(bad);
      } catch (error) {
        assert.ok(error instanceof StatusError && error.code === 400, String(error));
      }
    }),
    { numRuns: 200 },
  );
});

test("a field that nobody knows is passed over", () => {
  const reader = new Reader(
    Uint8Array.of(0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, 9, 0x25, 1, 2, 3, 4),
  );
  const seen: number[] = [];
  while (reader.next()) {
    seen.push(reader.number);
    reader.skip();
  }
  assert.deepEqual(seen, [1, 2, 3, 4]);
});
