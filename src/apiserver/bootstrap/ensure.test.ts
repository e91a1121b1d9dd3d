import assert from "node:assert/strict";
import { test } from "node:test";
import { childList, childObject, childString, type JsonObject } from "#api/object.ts";
import type { Attributes, UserInfo } from "#apiserver/contract.ts";
import { createAuthorization } from "#apiserver/auth/authorize.ts";
import { rulesOf } from "#apiserver/auth/rbac/rules.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { gatheredRules } from "./aggregation.ts";
import { ensureBootstrapObjects, keepAggregated } from "./ensure.ts";
import type { BootstrapSettings } from "./objects.ts";
import { roleObject } from "./rows.ts";

const rbac = "rbac.authorization.k8s.io";
const signal = new AbortController().signal;

const settings: BootstrapSettings = {
  addresses: ["192.168.1.5"],
  port: 6443,
  serviceAddress: "10.96.0.1",
  dnsAddress: "10.96.0.10",
  serviceRange: "10.96.0.0/16",
  authority: "-----BEGIN CERTIFICATE-----",
  now: "2026-05-01T00:00:00Z",
};

async function fresh(): Promise<ObjectFixture> {
  const objects = new ObjectFixture();
  await ensureBootstrapObjects(objects, objects, settings, signal);
  return objects;
}

test("a fresh cluster has what clients look for", async () => {
  const objects = await fresh();
  const names = (resource: string, group: string, namespace?: string): number =>
    objects.list(resource, group, namespace).length;
  assert.equal(names("namespaces", ""), 4);
  // Kubernetes 1.36 has 31 roles and 38 for controllers; ours, to join with, for policies, ingress, metrics
  // and what our controllers do beside upstream's, make the difference.
  assert.equal(names("clusterroles", rbac), 74 + 7);
  assert.equal(names("clusterrolebindings", rbac), 12 + 38 + 7 + 7);
  assert.equal(names("roles", rbac), 7 + 1);
  assert.equal(names("rolebindings", rbac), 7 + 1);
  assert.equal(names("flowschemas", "flowcontrol.apiserver.k8s.io"), 11);
  assert.equal(names("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io"), 8);
  const critical = objects.get("priorityclasses", "scheduling.k8s.io", "", "system-node-critical");
  assert.equal(critical?.["value"], 2_000_001_000);
  const service = objects.get("services", "", "default", "kubernetes");
  assert.equal(childObject(service, "spec")?.["clusterIP"], "10.96.0.1");
  const slice = objects.get("endpointslices", "discovery.k8s.io", "default", "kubernetes");
  assert.deepEqual(childList(slice, "ports"), [{ name: "https", port: 6443, protocol: "TCP" }]);
  const info = objects.get("configmaps", "", "kube-public", "cluster-info");
  const text = childString(childObject(info, "data"), "kubeconfig") ?? "";
  assert.match(text, /https:\/\/192\.168\.1\.5:6443/);
});

test("a machine with nothing but loopback serves all the same, without endpoints", async () => {
  const objects = new ObjectFixture();
  await ensureBootstrapObjects(objects, objects, { ...settings, addresses: ["127.0.0.1"] }, signal);
  const endpoints = objects.get("endpoints", "", "default", "kubernetes");
  assert.deepEqual(childList(endpoints, "subsets"), []);
  const slice = objects.get("endpointslices", "discovery.k8s.io", "default", "kubernetes");
  assert.deepEqual(childList(slice, "endpoints"), []);
});

test("the default roles do what their names say", async () => {
  const { authorizer } = createAuthorization(await fresh());
  const cases: [group: string, verb: string, path: string, want: boolean][] = [
    ["system:authenticated", "get", "/api", true],
    ["system:unauthenticated", "get", "/version", true],
    ["system:unauthenticated", "get", "/api", false],
    ["system:monitoring", "get", "/metrics", true],
    ["system:serviceaccounts", "get", "/openid/v1/jwks", true],
    ["system:authenticated", "get", "/metrics", false],
  ];
  for (const [group, verb, path, want] of cases) {
    const user: UserInfo = { name: "x", uid: "", groups: [group], extra: {} };
    const none = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
    const question: Attributes = { ...none, user, verb, path };
    assert.equal(authorizer.authorize(question).allowed, want, `${group} ${verb} ${path}`);
  }
});

test("admin, edit and view gather their rules, one another's included", async () => {
  const objects = await fresh();
  const rules = (name: string): Set<string> => {
    const role = objects.get("clusterroles", rbac, "", name);
    assert.ok(role !== undefined);
    const flat = rulesOf(role).flatMap((rule) =>
      rule.resources.flatMap((resource) => rule.verbs.map((verb) => `${verb} ${resource}`)),
    );
    return new Set(flat);
  };
  const cases: [what: string, view: boolean, edit: boolean, admin: boolean][] = [
    ["list pods", true, true, true],
    ["create pods", false, true, true],
    ["get secrets", false, true, true],
    ["create rolebindings", false, false, true],
    ["create localsubjectaccessreviews", false, false, true],
    ["create nodes", false, false, false],
  ];
  for (const [what, ...want] of cases) {
    const got = ["view", "edit", "admin"].map((name) => rules(name).has(what));
    assert.deepEqual(got, want, what);
  }
});

test("a restart writes nothing, and quickly", async () => {
  const objects = await fresh();
  objects.writes.length = 0;
  const begin = performance.now();
  await ensureBootstrapObjects(objects, objects, settings, signal);
  assert.deepEqual(objects.writes, []);
  assert.ok(performance.now() - begin < 500);
});

test("a restart mends what is missing, and leaves what was added", async () => {
  const objects = await fresh();
  const view = objects.get("clusterroles", rbac, "", "system:aggregate-to-view") ?? {};
  objects.put({ ...view, rules: [{ apiGroups: ["x"], resources: ["y"], verbs: ["get"] }] });
  objects.remove("clusterroles", rbac, "", "system:discovery");
  const binding = objects.get("clusterrolebindings", rbac, "", "system:basic-user") ?? {};
  objects.put({ ...binding, subjects: [] });
  const own = objects.get("clusterroles", rbac, "", "system:monitoring") ?? {};
  const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
  objects.put({ ...own, metadata: { name: "system:monitoring", annotations }, rules: [] });
  objects.writes.length = 0;
  const moved = { ...settings, addresses: ["192.168.1.6"] };
  await ensureBootstrapObjects(objects, objects, moved, signal);
  assert.deepEqual(objects.writes.sort(), [
    "change clusterrolebindings system:basic-user",
    "change clusterroles system:aggregate-to-view",
    "change configmaps cluster-info",
    "change endpoints kubernetes",
    "change endpointslices kubernetes",
    "create clusterroles system:discovery",
  ]);
  const mended = objects.get("clusterroles", rbac, "", "system:aggregate-to-view") ?? {};
  const resources = rulesOf(mended).flatMap((it) => it.resources);
  assert.ok(resources.includes("y") && resources.includes("pods"));
});

test("keepAggregated follows changes of roles until it is stopped", async () => {
  const objects = await fresh();
  const stop = new AbortController();
  const failures: unknown[] = [];
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const running = keepAggregated(objects, objects, (it) => failures.push(it), stop.signal);
  await settled();
  objects.writes.length = 0;
  const widgets = { name: "widgets", aggregatedTo: "view", rules: ["read example.com widgets"] };
  objects.put(roleObject(widgets));
  for (let turn = 0; turn < 20; turn++) await settled();
  for (const name of ["view", "edit", "admin"]) {
    const role = objects.get("clusterroles", rbac, "", name) ?? {};
    const gathered = rulesOf(role).some((it) => it.resources.includes("widgets"));
    assert.equal(gathered, true, name);
  }
  assert.equal(objects.writes.length, 3);
  stop.abort();
  await running;
  assert.deepEqual(failures, []);
});

test("matchExpressions select as labels do", () => {
  const cases: [expression: JsonObject, want: string[]][] = [
    [{ key: "tier", operator: "In", values: ["a", "b"] }, ["one"]],
    [{ key: "tier", operator: "NotIn", values: ["a"] }, ["two"]],
    [{ key: "tier", operator: "Exists" }, ["one"]],
    [{ key: "tier", operator: "DoesNotExist" }, ["two"]],
  ];
  for (const [expression, want] of cases) {
    const objects = new ObjectFixture();
    const one = roleObject({ name: "one", rules: ["get core one"] });
    const labelled = { ...one, metadata: { name: "one", labels: { tier: "a" } } };
    const two = roleObject({ name: "two", rules: ["get core two"] });
    const all = { name: "all", rules: [], aggregates: [] };
    const gather = { ...roleObject(all), aggregationRule: {} };
    gather.aggregationRule = { clusterRoleSelectors: [{ matchExpressions: [expression] }] };
    for (const it of [labelled, two, gather]) objects.put(it);
    const roles = objects.list("clusterroles", rbac);
    const found = gatheredRules(objects.get("clusterroles", rbac, "", "all") ?? {}, roles) ?? [];
    const names = found.flatMap((it) => childList(it as JsonObject, "resources"));
    assert.deepEqual(names, want, JSON.stringify(expression));
  }
});
