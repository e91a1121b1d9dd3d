import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinResources } from "#api/kinds/list.ts";
import { childList, childObject, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { Reader } from "#api/protobuf/reader.ts";
import type { Resource } from "#api/resource.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import type { OpenApiSource } from "./definitions.ts";
import { loadDescriptions } from "./descriptions.ts";
import { encodeGnostic } from "./gnostic.ts";
import { openApiV2 } from "./v2.ts";
import { openApiV3, openApiV3Index, openApiV3Paths } from "./v3.ts";

const widget: Resource = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  singular: "widget",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ["create", "get", "list", "patch"],
  subresources: [{ name: "status", verbs: ["get", "patch"] }],
  type: "com.example.v1.Widget",
  selectableFields: [],
  storageKey: "example.com/widgets",
  storageVersion: { group: "example.com", version: "v1" },
};

const source: OpenApiSource = {
  table: builtinTypes,
  resources: [...builtinResources, widget],
  descriptions: await loadDescriptions(),
  custom: new Map([
    [
      "com.example.v1.Widget",
      {
        type: "object",
        properties: {
          metadata: { $ref: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
          spec: { type: "object", additionalProperties: { type: "integer" } },
        },
      },
    ],
  ]),
  serverVersion: "v1.36.0",
};

const v2 = openApiV2(source);
const core = openApiV3(source, "api/v1");

function at(object: JsonObject, ...path: string[]): JsonObject {
  let found: JsonObject | undefined = object;
  for (const key of path) found = childObject(found, key);
  assert.ok(found, path.join(" "));
  return found;
}

/** Every value of `$ref` in a document. */
function references(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isJsonObject(value)) return [];
  const own = typeof value["$ref"] === "string" ? [value["$ref"]] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

test("every reference leads to a definition", () => {
  const definitions = at(v2, "definitions");
  const missing = references(v2).filter((it) => !(it.replace("#/definitions/", "") in definitions));
  assert.deepEqual([...new Set(missing)], []);
  for (const path of openApiV3Paths(source.resources)) {
    const document = openApiV3(source, path);
    const schemas = at(document, "components", "schemas");
    const lost = references(document).filter(
      (it) => !(it.replace("#/components/schemas/", "") in schemas),
    );
    assert.deepEqual([...new Set(lost)], [], path);
  }
});

test("operation ids are unique, and are upstream's", () => {
  const ids = Object.entries(at(v2, "paths")).flatMap(([path, item]) =>
    Object.entries(isJsonObject(item) ? item : {})
      .filter(([method]) => method !== "parameters")
      .map(([method, it]) => [isJsonObject(it) ? it["operationId"] : "", `${method} ${path}`]),
  );
  const byId = new Map(ids.map(([id, where]) => [id, where]));
  assert.equal(byId.size, ids.length);
  const namespace = "/namespaces/{namespace}";
  const want: readonly (readonly [id: string, where: string])[] = [
    ["listCoreV1PodForAllNamespaces", "get /api/v1/pods"],
    ["createCoreV1NamespacedPod", `post /api/v1${namespace}/pods`],
    ["deleteCoreV1CollectionNamespacedPod", `delete /api/v1${namespace}/pods`],
    ["connectCoreV1PostNamespacedPodExec", `post /api/v1${namespace}/pods/{name}/exec`],
    ["createCoreV1NamespacedPodEviction", `post /api/v1${namespace}/pods/{name}/eviction`],
    [
      "readRbacAuthorizationV1ClusterRole",
      "get /apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
    ],
    [
      "patchExampleComV1NamespacedWidgetStatus",
      `patch /apis/example.com/v1${namespace}/widgets/{name}/status`,
    ],
  ];
  for (const [id, where] of want) assert.equal(byId.get(id), where);
});

test("patches take fieldValidation and dryRun, which clients look for", () => {
  const path = "/api/v1/namespaces/{namespace}/pods/{name}";
  for (const document of [v2, core]) {
    const patch = at(document, "paths", path, "patch");
    const names = childList(patch, "parameters").map((it) => (isJsonObject(it) ? it["name"] : ""));
    for (const name of ["dryRun", "fieldManager", "fieldValidation", "force"]) {
      assert.ok(names.includes(name), name);
    }
    assert.deepEqual(patch["x-kubernetes-group-version-kind"], {
      group: "",
      kind: "Pod",
      version: "v1",
    });
    assert.equal(patch["x-kubernetes-action"], "patch");
  }
});

test("fields carry descriptions, merge rules and defaults", () => {
  const ports = at(v2, "definitions", "io.k8s.api.core.v1.Container", "properties", "ports");
  assert.deepEqual(
    { ...ports, description: undefined },
    {
      description: undefined,
      type: "array",
      items: { $ref: "#/definitions/io.k8s.api.core.v1.ContainerPort" },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "containerPort",
    },
  );
  assert.match(JSON.stringify(ports["description"]), /ports/);
  const port = at(v2, "definitions", "io.k8s.api.core.v1.ContainerPort");
  assert.equal(at(port, "properties", "protocol")["default"], "TCP");
  assert.deepEqual(port["required"], ["containerPort"]);
  const selector = at(v2, "definitions", "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector");
  assert.equal(selector["x-kubernetes-map-type"], "atomic");
});

test("version 3.0 keeps what stands beside a reference", () => {
  const pod = at(core, "components", "schemas", "io.k8s.api.core.v1.Pod");
  const spec = at(pod, "properties", "spec");
  assert.deepEqual(spec["allOf"], [{ $ref: "#/components/schemas/io.k8s.api.core.v1.PodSpec" }]);
  assert.deepEqual(pod["x-kubernetes-group-version-kind"], [
    { group: "", kind: "Pod", version: "v1" },
  ]);
});

test("a custom resource has its schema, its references and a list", () => {
  const document = openApiV3(source, "apis/example.com/v1");
  const schemas = at(document, "components", "schemas");
  assert.deepEqual(at(schemas, "com.example.v1.Widget", "properties", "metadata"), {
    $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
  });
  const list = at(schemas, "com.example.v1.WidgetList");
  assert.deepEqual(list["x-kubernetes-group-version-kind"], [
    { group: "example.com", kind: "WidgetList", version: "v1" },
  ]);
});

test("the index names a URL for each document", () => {
  const index = openApiV3Index(new Map([["apis/apps/v1", "AB12"]]));
  assert.deepEqual(index, {
    paths: { "apis/apps/v1": { serverRelativeURL: "/openapi/v3/apis/apps/v1?hash=AB12" } },
  });
  assert.deepEqual(openApiV3Paths(source.resources).slice(0, 2), ["api/v1", "apis/apps/v1"]);
});

/** Names of the entries in field `inner` of the message in field `outer`. */
function entryNames(data: Uint8Array, outer: number, inner: number): string[] {
  const names: string[] = [];
  const document = new Reader(data);
  while (document.next()) {
    if (document.number !== outer) {
      document.skip();
      continue;
    }
    const map = document.message();
    while (map.next()) {
      assert.equal(map.number, inner);
      const entry = map.message();
      entry.next();
      assert.equal(entry.number, 1);
      names.push(entry.text());
    }
  }
  return names;
}

test("the protobuf form has every path and every definition", () => {
  const data = encodeGnostic(v2);
  assert.deepEqual(entryNames(data, 8, 2), Object.keys(at(v2, "paths")));
  assert.deepEqual(entryNames(data, 9, 1), Object.keys(at(v2, "definitions")));
});

test("the protobuf form of a small document, byte by byte", () => {
  const small = { swagger: "2.0", definitions: { A: { type: "string", "x-k": 1 } } };
  const want = [
    ...[0x0a, 3, ...Buffer.from("2.0")],
    ...[0x4a, 31, 0x0a, 29, 0x0a, 1, ...Buffer.from("A"), 0x12, 24],
    ...[0xb2, 0x01, 8, 0x0a, 6, ...Buffer.from("string")],
    ...[0xfa, 0x01, 10, 0x0a, 3, ...Buffer.from("x-k"), 0x12, 3, 0x12, 1, ...Buffer.from("1")],
  ];
  assert.deepEqual([...encodeGnostic(small)], want);
});
