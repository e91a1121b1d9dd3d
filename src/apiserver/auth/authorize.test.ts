import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import type { Attributes, UserInfo } from "#apiserver/contract.ts";
import { clusterRoles } from "#apiserver/bootstrap/cluster-roles.ts";
import { bindingObject, roleObject } from "#apiserver/bootstrap/rows.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { createAuthorization } from "./authorize.ts";
import { denied } from "./denial.ts";

const rbac = "rbac.authorization.k8s.io";

function user(name: string, ...groups: string[]): UserInfo {
  return { name, uid: "", groups: [...groups, "system:authenticated"], extra: {} };
}

/** `verb resource[/sub] [namespace] [name]`, resource as `plural.group`; or `verb /path`. */
function question(who: UserInfo, text: string): Attributes {
  const [verb = "", target = "", namespace = "", name = "", fieldSelector] = text.split(" ");
  const none = { group: "", version: "v1", resource: "", subresource: "", namespace: "", name: "" };
  if (target.startsWith("/")) return { ...none, user: who, verb, path: target };
  const [whole = "", subresource = ""] = target.split("/");
  const dot = whole.indexOf(".");
  return {
    ...none,
    user: who,
    verb,
    resource: dot < 0 ? whole : whole.slice(0, dot),
    group: dot < 0 ? "" : whole.slice(dot + 1),
    subresource,
    namespace: namespace === "-" ? "" : namespace,
    name: name === "-" ? "" : name,
    path: "",
    fieldSelector,
  };
}

function role(namespace: string, name: string, ...rules: string[]): JsonObject {
  return roleObject({ name, rules, ...(namespace === "" ? {} : { namespace }) });
}

function binding(namespace: string, name: string, to: string, ...subjects: string[]): JsonObject {
  const object = bindingObject({
    name,
    role: to.replace("ClusterRole/", ""),
    subjects,
    ...(namespace === "" ? {} : { namespace }),
  });
  if (to.startsWith("ClusterRole/")) {
    object["roleRef"] = { apiGroup: rbac, kind: "ClusterRole", name: to.slice(12) };
  }
  return object;
}

const objects = new ObjectFixture([
  ...clusterRoles.map(roleObject),
  role("default", "pods", "read core pods", "create core pods/exec", "get core */log"),
  role("default", "one-secret", "get,list,watch core secrets db"),
  role("", "metrics", "get /metrics,/debug/*"),
  binding("default", "pods", "pods", "User jane", "ServiceAccount default/bot"),
  binding("default", "one-secret", "one-secret", "Group ops"),
  binding("default", "viewers", "ClusterRole/system:aggregate-to-view", "User vera"),
  binding("default", "dangling", "missing", "User dan"),
  binding("", "metrics", "metrics", "User mo"),
  binding("", "cluster-admin", "cluster-admin", "User root"),
]);

test("RBAC: who may do what", () => {
  const { authorizer } = createAuthorization(objects);
  const cases: [who: UserInfo, asks: string, allowed: boolean][] = [
    [user("jane"), "list pods default", true],
    [user("jane"), "list pods kube-system", false],
    [user("jane"), "list pods", false],
    [user("jane"), "delete pods default a", false],
    [user("jane"), "create pods/exec default a", true],
    [user("jane"), "get pods/log default a", true],
    [user("jane"), "get services/log default a", true],
    [user("jane"), "get pods/status default a", false],
    [user("system:serviceaccount:default:bot"), "get pods default a", true],
    [user("system:serviceaccount:other:bot"), "get pods default a", false],
    [user("olga", "ops"), "get secrets default db", true],
    [user("olga", "ops"), "list secrets default db", true],
    [user("olga", "ops"), "get secrets default web", false],
    [user("olga", "ops"), "list secrets default", false],
    [user("vera"), "list deployments.apps default", true],
    [user("vera"), "list deployments.apps other", false],
    [user("vera"), "list secrets default", false],
    [user("root"), "escalate clusterroles.rbac.authorization.k8s.io", true],
    [user("root"), "get /anything", true],
    [user("mo"), "get /metrics", true],
    [user("mo"), "get /metrics/more", false],
    [user("mo"), "get /debug/pprof", true],
    [user("mo"), "post /metrics", false],
    [user("any", "system:masters"), "delete nodes - a", true],
  ];
  for (const [who, asks, want] of cases) {
    const got = authorizer.authorize(question(who, asks));
    assert.equal(got.allowed, want, `${who.name} ${asks}: ${got.reason}`);
    assert.equal(authorizer.authorize(question(who, asks)).allowed, want, "asked again");
  }
});

test("RBAC: reasons", () => {
  const { authorizer } = createAuthorization(objects);
  const cases: [who: string, asks: string, reason: string][] = [
    [
      "jane",
      "list pods default",
      'RBAC: allowed by RoleBinding "pods/default" of Role "pods" to User "jane"',
    ],
    [
      "system:serviceaccount:default:bot",
      "list pods default",
      'RBAC: allowed by RoleBinding "pods/default" of Role "pods" to ServiceAccount "bot/default"',
    ],
    [
      "root",
      "list pods default",
      'RBAC: allowed by ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin" to User "root"',
    ],
    ["dan", "list pods default", 'RBAC: role.rbac.authorization.k8s.io "missing" not found'],
    ["nobody", "list pods default", ""],
  ];
  for (const [who, asks, want] of cases) {
    assert.equal(authorizer.authorize(question(user(who), asks)).reason, want);
  }
});

test("denied: the text that clients match", () => {
  const cases: [asks: string, reason: string, want: string][] = [
    [
      "list pods default",
      "",
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "create pods/exec default a",
      "",
      'pods "a" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"',
    ],
    [
      "delete deployments.apps - web",
      "RBAC: x",
      'deployments.apps "web" is forbidden: User "jane" cannot delete resource "deployments" in API group "apps" at the cluster scope: RBAC: x',
    ],
    ["get /metrics", "", 'forbidden: User "jane" cannot get path "/metrics"'],
    ["get /<x>", "", 'forbidden: User "jane" cannot get path "/&lt;x&gt;"'],
  ];
  for (const [asks, reason, want] of cases) {
    const error = denied(question(user("jane"), asks), { allowed: false, reason });
    assert.deepEqual([error.code, error.reason, error.message], [403, "Forbidden", want]);
  }
});

test("RBAC: a change of roles or bindings changes the answer at once", () => {
  const live = new ObjectFixture([role("default", "pods", "get core pods")]);
  const { authorizer } = createAuthorization(live);
  const jane = user("jane");
  const may = (asks: string): boolean => authorizer.authorize(question(jane, asks)).allowed;
  assert.equal(may("get pods default a"), false);
  live.put(binding("default", "pods", "pods", "User jane"));
  assert.equal(may("get pods default a"), true);
  live.put(role("default", "pods", "list core pods"));
  assert.equal(may("get pods default a"), false);
  live.put(binding("", "all", "reader", "User jane"));
  assert.equal(may("get pods default a"), false);
  live.put(role("", "reader", "read * *"));
  assert.equal(may("get pods default a"), true);
  live.remove("clusterrolebindings", rbac, "", "all");
  assert.equal(may("get pods default a"), false);
});

test("RBAC: a known question costs microseconds, whatever the number of bindings", () => {
  const many = new ObjectFixture();
  for (let at = 0; at < 2_000; at++) {
    many.put(binding(`ns-${at % 100}`, `b-${at}`, "pods", `User user-${at}`));
  }
  for (let at = 0; at < 100; at++) many.put(role(`ns-${at}`, "pods", "read core pods"));
  const { authorizer } = createAuthorization(many);
  const who = user("user-7");
  const names = Array.from({ length: 100 }, (_, at) => question(who, `get pods ns-7 pod-${at}`));
  const measure = (): number => {
    const begin = process.hrtime.bigint();
    for (let round = 0; round < 200; round++) {
      for (const it of names) assert.equal(authorizer.authorize(it).allowed, true);
    }
    return Number(process.hrtime.bigint() - begin) / 20_000;
  };
  measure();
  const nanoseconds = Math.min(measure(), measure(), measure());
  assert.ok(nanoseconds < 20_000, `${nanoseconds} ns a decision`);
});

const nodeUser = user("system:node:a", "system:nodes");

function pod(
  name: string,
  nodeName: string,
  more: JsonObject,
  metadata: JsonObject = {},
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name, ...metadata },
    spec: { nodeName, serviceAccountName: "bot", ...more },
  };
}

function ingressClass(name: string, controller: string): JsonObject {
  const type = { apiVersion: "networking.k8s.io/v1", kind: "IngressClass" };
  return { ...type, metadata: { name }, spec: { controller } };
}

function ingress(name: string, spec: JsonObject, secretName: string): JsonObject {
  const type = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };
  const metadata = { namespace: "default", name };
  return { ...type, metadata, spec: { ...spec, tls: [{ secretName }] } };
}

const nodeObjects = new ObjectFixture([
  pod("web", "a", {
    imagePullSecrets: [{ name: "pull" }],
    initContainers: [{ envFrom: [{ configMapRef: { name: "init-env" } }] }],
    containers: [{ env: [{ valueFrom: { secretKeyRef: { name: "password" } } }] }],
    volumes: [
      { name: "s", secret: { secretName: "files" } },
      { name: "p", projected: { sources: [{ configMap: { name: "kube-root-ca.crt" } }] } },
      { name: "c", persistentVolumeClaim: { claimName: "data" } },
      { name: "scratch", ephemeral: {} },
    ],
  }),
  pod("other", "b", { volumes: [{ secret: { secretName: "theirs" } }] }),
  pod(
    "mirror",
    "a",
    { volumes: [{ secret: { secretName: "stolen" } }] },
    { annotations: { "kubernetes.io/config.mirror": "x" } },
  ),
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "disk" },
    spec: { claimRef: { namespace: "default", name: "data" } },
  },
  ingressClass("gantry", "gantry.dev/ingress"),
  ingressClass("other", "example.com/other"),
  ingress("ours", { ingressClassName: "gantry" }, "served"),
  ingress("theirs", { ingressClassName: "other" }, "not-served"),
  ingress("classless", {}, "nobodys"),
]);

test("nodes: only what their pods need", () => {
  const { authorizer } = createAuthorization(nodeObjects);
  const unrelated = "no relationship found between node 'a' and this object";
  const cases: [asks: string, want: true | string][] = [
    ["get secrets default pull", true],
    ["get secrets default password", true],
    ["watch secrets default files", true],
    ["get secrets default theirs", unrelated],
    ["get secrets default stolen", unrelated],
    ["get secrets kube-system files", unrelated],
    ["watch secrets default served", true],
    ["update secrets default served", "can only read resources of this type"],
    ["get secrets kube-system served", unrelated],
    ["get secrets default not-served", unrelated],
    ["get secrets default nobodys", unrelated],
    ["list secrets default", "No Object name found"],
    ["update secrets default files", "can only read resources of this type"],
    ["get configmaps default init-env", true],
    ["get configmaps default kube-root-ca.crt", true],
    ["get configmaps default other", unrelated],
    ["get persistentvolumeclaims default data", true],
    ["get persistentvolumeclaims default web-scratch", true],
    ["update persistentvolumeclaims/status default data", true],
    [
      "update persistentvolumeclaims default data",
      "can only get individual resources of this type",
    ],
    ["get persistentvolumes - disk", true],
    ["create serviceaccounts/token default bot", true],
    ["create serviceaccounts/token default other", unrelated],
    ["get pods default web", true],
    ["get pods default other", unrelated],
    ["list pods", "can only list/watch pods with spec.nodeName field selector"],
    ["watch pods - - spec.nodeName=a", true],
    [
      "watch pods - - spec.nodeName=b",
      "can only list/watch pods with spec.nodeName field selector",
    ],
    [
      "watch pods - - spec.nodeName!=a",
      "can only list/watch pods with spec.nodeName field selector",
    ],
    ["patch pods/status default web", true],
    ["create pods/eviction default web", true],
    ["update pods default web", ""],
    ["get nodes - a", true],
    ["get nodes - b", "node 'a' cannot read 'b', only its own Node object"],
    ["list nodes", "node 'a' cannot read all nodes, only its own Node object"],
    ["patch nodes/status - a", true],
    ["delete nodes - a", ""],
    ["update leases.coordination.k8s.io kube-node-lease a", true],
    [
      "update leases.coordination.k8s.io kube-node-lease b",
      "can only access node lease with the same name as the requesting node",
    ],
    [
      "get leases.coordination.k8s.io default a",
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    ["list services", true],
    ["create events default", true],
    ["list deployments.apps", ""],
  ];
  for (const [asks, want] of cases) {
    const got = authorizer.authorize(question(nodeUser, asks));
    assert.deepEqual(got, { allowed: want === true, reason: want === true ? "" : want }, asks);
  }
});

test("nodes: the name alone, or the group alone, makes no node", () => {
  const { authorizer } = createAuthorization(nodeObjects);
  for (const who of [user("system:node:a"), user("a", "system:nodes")]) {
    assert.equal(authorizer.authorize(question(who, "get secrets default pull")).allowed, false);
  }
});
