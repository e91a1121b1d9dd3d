import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { builtinResources } from "#api/kinds/list.ts";
import { childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { checkShape } from "#api/schema/check-shape.ts";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from "./documents.ts";
import { compareVersions } from "./groups.ts";

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function list(object: JsonObject | undefined, key: string): JsonObject[] {
  const value = object?.[key];
  assert.ok(Array.isArray(value));
  return value.filter(isJsonObject);
}

function named(object: JsonObject | undefined, key: string, name: string): JsonObject | undefined {
  return list(object, key).find((it) => it["name"] === name || it["resource"] === name);
}

test("versions are preferred as Kubernetes prefers them", () => {
  const want = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "foo1", "foo10"];
  assert.deepEqual([...want].reverse().sort(compareVersions), want);
});

const core = apiResourceList(builtinResources, { group: "", version: "v1" }, sha256);
const apps = apiResourceList(builtinResources, { group: "apps", version: "v1" }, sha256);

test("pods as upstream lists them", () => {
  assert.deepEqual(named(core, "resources", "pods"), {
    name: "pods",
    singularName: "pod",
    namespaced: true,
    kind: "Pod",
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    shortNames: ["po"],
    categories: ["all"],
    storageVersionHash: "xPOwRZ+Yhw8=",
  });
});

test("a subresource names the group of its kind when it is another", () => {
  assert.deepEqual(named(core, "resources", "pods/eviction"), {
    name: "pods/eviction",
    singularName: "",
    namespaced: true,
    group: "policy",
    version: "v1",
    kind: "Eviction",
    verbs: ["create"],
  });
  assert.deepEqual(named(apps, "resources", "deployments/status"), {
    name: "deployments/status",
    singularName: "",
    namespaced: true,
    kind: "Deployment",
    verbs: ["get", "patch", "update"],
  });
});

test("the storage version's hash is upstream's, and questions have none", () => {
  const eventsOf = apiResourceList(
    builtinResources,
    { group: "events.k8s.io", version: "v1" },
    sha256,
  );
  assert.equal(named(apps, "resources", "deployments")?.["storageVersionHash"], "8aSe+NMegvE=");
  assert.equal(named(core, "resources", "events")?.["storageVersionHash"], "r2yiGXH7wu8=");
  assert.equal(named(eventsOf, "resources", "events")?.["storageVersionHash"], "r2yiGXH7wu8=");
  const reviews = { group: "authentication.k8s.io", version: "v1" };
  const review = named(
    apiResourceList(builtinResources, reviews, sha256),
    "resources",
    "tokenreviews",
  );
  assert.equal(review?.["storageVersionHash"], undefined);
});

test("resources are sorted by name, their subresources after them", () => {
  const names = list(core, "resources").map((it) => childString(it, "name") ?? "");
  assert.deepEqual(names, names.toSorted());
  assert.ok(names.includes("pods/exec"));
});

test("groups and their preferred versions", () => {
  assert.deepEqual(apiGroup(builtinResources, "autoscaling"), {
    kind: "APIGroup",
    apiVersion: "v1",
    name: "autoscaling",
    versions: [
      { groupVersion: "autoscaling/v2", version: "v2" },
      { groupVersion: "autoscaling/v1", version: "v1" },
    ],
    preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
  });
  assert.equal(apiGroup(builtinResources, "nothing.example.com"), undefined);
  assert.equal(named(apiGroupList(builtinResources), "groups", ""), undefined);
  assert.equal(
    apiResourceList(builtinResources, { group: "apps", version: "v2" }, sha256),
    undefined,
  );
});

test("the aggregated document holds the same, by group", () => {
  const [own] = list(aggregatedDiscovery(builtinResources, "api"), "items");
  const [version] = list(own, "versions");
  const pods = named(version, "resources", "pods");
  assert.deepEqual(pods?.["responseKind"], { group: "", version: "v1", kind: "Pod" });
  assert.equal(pods["scope"], "Namespaced");
  const exec = list(pods, "subresources").find((it) => it["subresource"] === "exec");
  assert.deepEqual(exec, {
    subresource: "exec",
    responseKind: { group: "", version: "v1", kind: "PodExecOptions" },
    verbs: ["create", "get"],
  });
  const others = list(aggregatedDiscovery(builtinResources, "apis"), "items");
  assert.deepEqual(others[0]?.["metadata"], { name: "apps" });
});

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const documents: readonly (readonly [type: string, document: JsonObject | undefined])[] = [
  [`${meta}.APIVersions`, apiVersions("127.0.0.1:6443")],
  [`${meta}.APIGroupList`, apiGroupList(builtinResources)],
  [`${meta}.APIGroup`, apiGroup(builtinResources, "apps")],
  [`${meta}.APIResourceList`, core],
  [
    "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
    aggregatedDiscovery(builtinResources, "apis"),
  ],
];

for (const [type, document] of documents) {
  test(`${type} has its own shape`, () => {
    assert.ok(document);
    const problems = checkShape(structuredClone(document), type, builtinTypes);
    assert.deepEqual(problems, { unknown: [], wrong: [] });
  });
}
