import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { seededRandom } from "#base/random.ts";
import { childList, childObject, childString, type JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { AdmissionRequest, UserInfo } from "#apiserver/contract.ts";
import { createAuthorization } from "#apiserver/auth/authorize.ts";
import { bindingObject, roleObject } from "#apiserver/bootstrap/rows.ts";
import { admissionRequestTo } from "#testing/admission-request.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { admissionRules } from "./rules.ts";

const never = new AbortController().signal;
const jane: UserInfo = { name: "jane", uid: "", groups: ["system:authenticated"], extra: {} };
const node: UserInfo = { name: "system:node:a", uid: "", groups: ["system:nodes"], extra: {} };

function named(kind: string, name: string, more: JsonObject = {}, namespace = ""): JsonObject {
  const apiVersion = typeof more["apiVersion"] === "string" ? more["apiVersion"] : "v1";
  const metadata = { ...(namespace === "" ? {} : { namespace }), name };
  return { apiVersion, kind, metadata, ...more };
}

interface Server {
  readonly objects: ObjectFixture;
  readonly clock: FakeClock;
  /** Runs all rules as the server does, stores what a create or update made, and returns it. */
  readonly send: (request: Partial<AdmissionRequest> & Target) => Promise<JsonObject>;
}

interface Target {
  /** `plural.group[/subresource]` */
  readonly to: string;
}

function setUp(more: readonly JsonObject[] = [], protectsStorage = false): Server {
  const clock = new FakeClock();
  const objects = new ObjectFixture([
    named("Namespace", "default", { status: { phase: "Active" } }),
    named("Namespace", "ending", { status: { phase: "Terminating" } }),
    named("Namespace", "new", { status: { phase: "Active" } }),
    named("ServiceAccount", "default", {}, "default"),
    ...more,
  ]);
  const rules = admissionRules({
    objects,
    sink: objects,
    authorization: createAuthorization(objects),
    clock,
    random: seededRandom(7),
    serviceRange: "10.96.0.0/16",
    readCertificateRequest: (text) => Promise.resolve({ organizations: text.split(",") }),
    protectsStorage,
  });
  return {
    objects,
    clock,
    async send({ to, ...given }) {
      const { resource } = admissionRequestTo(to);
      const request = admissionRequestTo(to, {
        user: jane,
        namespace: resource.namespaced ? "default" : "",
        ...given,
        object: given.object === undefined ? undefined : structuredClone(given.object),
      });
      for (const rule of rules) await rule.mutate?.(request, never);
      for (const rule of rules) await rule.validate?.(request, never);
      return request.object ?? {};
    },
  };
}

async function refused(
  asked: Promise<unknown>,
  code: number,
  message: string | RegExp,
): Promise<void> {
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof StatusError, String(error));
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

function pod(spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", ...metadata },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

test("NamespaceLifecycle", async () => {
  const { send } = setUp();
  const object = named("ConfigMap", "c");
  await send({ to: "configmaps", object });
  await send({ to: "configmaps", operation: "UPDATE", namespace: "ending", name: "c", object });
  await send({ to: "namespaces", operation: "DELETE", name: "new" });
  await send({ to: "configmaps", operation: "DELETE", namespace: "none", name: "c" });
  await refused(
    send({ to: "configmaps", namespace: "none", object }),
    404,
    'namespaces "none" not found',
  );
  await refused(
    send({ to: "namespaces", operation: "DELETE", name: "kube-system" }),
    403,
    'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  );
  const ending = send({ to: "configmaps", namespace: "ending", object });
  await refused(
    ending,
    403,
    'configmaps "c" is forbidden: unable to create new content in namespace ending because it is being terminated',
  );
  await ending.catch((error: unknown) => {
    assert.ok(error instanceof StatusError);
    assert.deepEqual(error.details?.causes, [
      {
        reason: "NamespaceTerminating",
        message: "namespace ending is being terminated",
        field: "metadata.namespace",
      },
    ]);
  });
});

test("ServiceAccount: the default account and its token", async () => {
  const { send } = setUp();
  const spec = childObject(await send({ to: "pods", object: pod() }), "spec");
  assert.equal(spec?.["serviceAccountName"], "default");
  const [volume] = childList(spec, "volumes") as JsonObject[];
  const name = childString(volume, "name") ?? "";
  assert.match(name, /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(volume, {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { items: [{ key: "ca.crt", path: "ca.crt" }], name: "kube-root-ca.crt" } },
        {
          downwardAPI: {
            items: [
              {
                fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" },
                path: "namespace",
              },
            ],
          },
        },
      ],
    },
  });
  const [container] = childList(spec, "containers") as JsonObject[];
  const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
  assert.deepEqual(container?.["volumeMounts"], [{ mountPath, name, readOnly: true }]);
});

test("ServiceAccount: who gets no token, and what is inherited", async () => {
  const { send, objects } = setUp();
  const secrets = [{ name: "registry" }];
  objects.put(
    named(
      "ServiceAccount",
      "quiet",
      { automountServiceAccountToken: false, imagePullSecrets: secrets },
      "default",
    ),
  );
  const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
  const own = [{ name: "c", volumeMounts: [{ name: "mine", mountPath }] }];
  const cases: [spec: JsonObject, volumes: number, pullSecrets: unknown][] = [
    [{ serviceAccountName: "quiet" }, 0, secrets],
    [{ serviceAccount: "quiet", automountServiceAccountToken: true }, 1, secrets],
    [{ automountServiceAccountToken: false }, 0, undefined],
    [{ serviceAccountName: "quiet", imagePullSecrets: [{ name: "x" }] }, 0, [{ name: "x" }]],
    [{ containers: own }, 0, undefined],
  ];
  for (const [given, volumes, pullSecrets] of cases) {
    const spec = childObject(await send({ to: "pods", object: pod(given) }), "spec");
    assert.equal(childList(spec, "volumes").length, volumes, JSON.stringify(given));
    assert.deepEqual(spec?.["imagePullSecrets"], pullSecrets);
  }
  await refused(
    send({ to: "pods", object: pod({ serviceAccountName: "none" }) }),
    403,
    'pods "web" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
  );
});

test("ServiceAccount: a new namespace's default account is waited for, a second at most", async () => {
  const { send, objects, clock } = setUp();
  // Everything up to the wait runs in microtasks.
  const waits = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const asked = send({ to: "pods", namespace: "new", object: pod() });
  await waits();
  objects.put(named("ServiceAccount", "other", {}, "new"));
  objects.put(named("ServiceAccount", "default", {}, "new"));
  assert.equal(childObject(await asked, "spec")?.["serviceAccountName"], "default");
  objects.remove("serviceaccounts", "", "new", "default");
  const late = refused(
    send({ to: "pods", namespace: "new", object: pod() }),
    403,
    /error looking up service account new\/default: serviceaccount "default" not found$/,
  );
  await waits();
  await clock.advance(1_000);
  await late;
});

test("mirror pods are left as they are", async () => {
  const { send } = setUp();
  const mirror = { annotations: { "kubernetes.io/config.mirror": "x" } };
  const spec = childObject(await send({ to: "pods", object: pod({}, mirror) }), "spec");
  assert.equal(spec?.["serviceAccountName"], undefined);
  const cases: [spec: JsonObject, why: RegExp][] = [
    [{ serviceAccountName: "default" }, /may not reference service accounts/],
    [{ volumes: [{ name: "s", secret: { secretName: "x" } }] }, /may not reference secrets/],
    [
      { volumes: [{ name: "s", projected: { sources: [{ serviceAccountToken: {} }] } }] },
      /may not use ServiceAccountToken/,
    ],
  ];
  for (const [given, why] of cases) {
    await refused(send({ to: "pods", object: pod(given, mirror) }), 403, why);
  }
});

function priorityClass(name: string, value: number, more: JsonObject = {}): JsonObject {
  return named("PriorityClass", name, { apiVersion: "scheduling.k8s.io/v1", value, ...more });
}

test("Priority", async () => {
  const high = priorityClass("high", 1000, { preemptionPolicy: "Never" });
  const { send, objects } = setUp([high]);
  const cases: [spec: JsonObject, want: [string | undefined, number, string] | RegExp][] = [
    [{}, [undefined, 0, "PreemptLowerPriority"]],
    [{ priorityClassName: "high" }, ["high", 1000, "Never"]],
    [{ priorityClassName: "high", priority: 1000 }, ["high", 1000, "Never"]],
    [{ priority: 5 }, /the integer value of priority \(5\) must not be provided in pod spec/],
    [
      { priorityClassName: "high", preemptionPolicy: "PreemptLowerPriority" },
      /the string value of PreemptionPolicy/,
    ],
    [{ priorityClassName: "none" }, /no PriorityClass with name none was found/],
  ];
  for (const [given, want] of cases) {
    const asked = send({ to: "pods", object: pod(given) });
    if (want instanceof RegExp) {
      await refused(asked, 403, want);
      continue;
    }
    const spec = childObject(await asked, "spec");
    const got = [spec?.["priorityClassName"], spec?.["priority"], spec?.["preemptionPolicy"]];
    assert.deepEqual(got, want);
  }
  objects.put(priorityClass("usual", 10, { globalDefault: true }));
  const spec = childObject(await send({ to: "pods", object: pod() }), "spec");
  assert.deepEqual([spec?.["priorityClassName"], spec?.["priority"]], ["usual", 10]);
  const second = priorityClass("second", 11, { globalDefault: true });
  await refused(
    send({ to: "priorityclasses.scheduling.k8s.io", object: second }),
    403,
    /PriorityClass usual is already marked as default/,
  );
  const kept = await send({
    to: "pods",
    operation: "UPDATE",
    name: "web",
    object: pod(),
    previous: pod({ priority: 7, preemptionPolicy: "Never" }),
  });
  assert.equal(childObject(kept, "spec")?.["priority"], 7);
});

test("DefaultTolerationSeconds and TaintNodesByCondition", async () => {
  const { send } = setUp();
  const toleration = (key: string, seconds?: number): JsonObject => ({
    effect: "NoExecute",
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
  });
  const cases: [given: JsonObject[], want: JsonObject[]][] = [
    [[], [toleration("not-ready", 300), toleration("unreachable", 300)]],
    [[toleration("not-ready", 5)], [toleration("not-ready", 5), toleration("unreachable", 300)]],
    [[{ operator: "Exists" }], [{ operator: "Exists" }]],
    [
      [{ operator: "Exists", effect: "NoSchedule" }],
      [
        { operator: "Exists", effect: "NoSchedule" },
        toleration("not-ready", 300),
        toleration("unreachable", 300),
      ],
    ],
  ];
  for (const [tolerations, want] of cases) {
    const made = await send({ to: "pods", object: pod({ tolerations }) });
    assert.deepEqual(childObject(made, "spec")?.["tolerations"], want);
  }
  const taint = { effect: "NoSchedule", key: "node.kubernetes.io/not-ready" };
  for (const given of [{}, { spec: { taints: [taint] } }]) {
    const made = await send({ to: "nodes", object: named("Node", "a", given) });
    assert.deepEqual(childObject(made, "spec")?.["taints"], [taint]);
  }
});

test("PersistentVolumeClaimResize", async () => {
  const growing = (name: string): JsonObject => ({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name },
    allowVolumeExpansion: name === "grows",
  });
  const { send } = setUp([growing("grows"), growing("stays")]);
  const claim = (storageClassName: string, storage: string, phase = "Bound"): JsonObject =>
    named("PersistentVolumeClaim", "data", {
      spec: { storageClassName, resources: { requests: { storage } } },
      status: { phase },
    });
  const update = async (object: JsonObject, previous: JsonObject): Promise<unknown> =>
    await send({
      to: "persistentvolumeclaims",
      operation: "UPDATE",
      name: "data",
      object,
      previous,
    });
  await update(claim("grows", "2Gi"), claim("grows", "1Gi"));
  await update(claim("stays", "1024Mi"), claim("stays", "1Gi"));
  const message = /^persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc/;
  for (const name of ["stays", "none", ""]) {
    await refused(update(claim(name, "2Gi"), claim(name, "1Gi")), 403, message);
  }
  const pending = claim("grows", "1Gi", "Pending");
  await refused(update(claim("grows", "2Gi"), pending), 403, /Only bound persistent volume claims/);
});

test("DefaultStorageClass, DefaultIngressClass, StorageObjectInUseProtection", async () => {
  const storageClass = (name: string, created: string, isDefault: string): JsonObject => ({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name,
      creationTimestamp: created,
      annotations: { "storageclass.kubernetes.io/is-default-class": isDefault },
    },
  });
  const classes = [
    storageClass("old", "2025-01-01T00:00:00Z", "true"),
    storageClass("new", "2026-01-01T00:00:00Z", "true"),
    storageClass("newest", "2026-02-01T00:00:00Z", "false"),
  ];
  const claim = named("PersistentVolumeClaim", "data", { spec: {} });
  const guarded = setUp(classes, true);
  const made = await guarded.send({ to: "persistentvolumeclaims", object: claim });
  assert.equal(childObject(made, "spec")?.["storageClassName"], "new");
  assert.deepEqual(childObject(made, "metadata")?.["finalizers"], ["kubernetes.io/pvc-protection"]);
  const without = { ...claim, spec: { storageClassName: "" } };
  const plain = await setUp(classes).send({ to: "persistentvolumeclaims", object: without });
  assert.equal(childObject(plain, "spec")?.["storageClassName"], "");
  assert.equal(childObject(plain, "metadata")?.["finalizers"], undefined);
});

test("RuntimeClass", async () => {
  const { send } = setUp([
    {
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "vm" },
      handler: "vm",
      overhead: { podFixed: { memory: "120Mi" } },
      scheduling: { nodeSelector: { vm: "yes" }, tolerations: [{ key: "vm", operator: "Exists" }] },
    },
  ]);
  const given = { runtimeClassName: "vm", nodeSelector: { zone: "a" } };
  const spec = childObject(await send({ to: "pods", object: pod(given) }), "spec");
  assert.deepEqual(spec?.["overhead"], { memory: "120Mi" });
  assert.deepEqual(spec["nodeSelector"], { zone: "a", vm: "yes" });
  assert.deepEqual(childList(spec, "tolerations")[0], {
    effect: "NoExecute",
    key: "node.kubernetes.io/not-ready",
    operator: "Exists",
    tolerationSeconds: 300,
  });
  assert.ok(childList(spec, "tolerations").some((it) => JSON.stringify(it).includes('"vm"')));
  const cases: [spec: JsonObject, why: RegExp][] = [
    [{ runtimeClassName: "none" }, /pod rejected: RuntimeClass "none" not found/],
    [{ runtimeClassName: "vm", overhead: { memory: "1Mi" } }, /doesn't match RuntimeClass's/],
    [{ overhead: { memory: "1Mi" } }, /Overhead set without corresponding RuntimeClass/],
    [{ runtimeClassName: "vm", nodeSelector: { vm: "no" } }, /conflict: runtimeClass/],
  ];
  for (const [bad, why] of cases) await refused(send({ to: "pods", object: pod(bad) }), 403, why);
});

const rbac = "rbac.authorization.k8s.io";

test("RoleEscalation: nobody gives what they do not have", async () => {
  const server = setUp([
    roleObject({ name: "holder", namespace: "default", rules: ["get,list core pods"] }),
    bindingObject({
      name: "holder",
      namespace: "default",
      role: "holder",
      subjects: ["User jane"],
    }),
    roleObject({ name: "secrets", namespace: "default", rules: ["get core secrets"] }),
    roleObject({
      name: "binder",
      rules: [`bind ${rbac} roles secrets`, `escalate ${rbac} clusterroles loud`],
    }),
    bindingObject({ name: "binder", role: "binder", subjects: ["User bob"] }),
  ]);
  const bob: UserInfo = { ...jane, name: "bob" };
  const master: UserInfo = { ...jane, groups: ["system:masters"] };
  const role = (rule: string): JsonObject =>
    roleObject({ name: "r", namespace: "default", rules: [rule] });
  const roles = `roles.${rbac}`;
  await server.send({ to: roles, object: role("get core pods") });
  await refused(
    server.send({ to: roles, object: role("get,delete core pods") }),
    403,
    'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  );
  await server.send({ to: roles, user: master, object: role("* * *") });
  const previous = role("* * *");
  const collected = { ...previous, metadata: { name: "r", finalizers: ["x"] } };
  await server.send({
    to: roles,
    operation: "UPDATE",
    name: "r",
    object: collected,
    previous: { ...previous, metadata: { name: "r" } },
  });
  const binding = (to: string): JsonObject =>
    bindingObject({ name: "b", namespace: "default", role: to, subjects: ["User x"] });
  const bindings = `rolebindings.${rbac}`;
  await server.send({ to: bindings, object: binding("holder") });
  await refused(
    server.send({ to: bindings, object: binding("secrets") }),
    403,
    /not currently held/,
  );
  await server.send({ to: bindings, user: bob, object: binding("secrets") });
  await refused(server.send({ to: bindings, object: binding("none") }), 404, /"none" not found/);
  const gathering = roleObject({ name: "loud", rules: [], aggregates: ["x"] });
  const clusterRoles = `clusterroles.${rbac}`;
  await refused(
    server.send({ to: clusterRoles, object: gathering }),
    403,
    /must have cluster-admin privileges to use the aggregationRule/,
  );
  await refused(
    server.send({ to: clusterRoles, user: bob, name: "loud", object: gathering }),
    403,
    /must have cluster-admin privileges/,
  );
  await server.send({
    to: clusterRoles,
    operation: "UPDATE",
    name: "loud",
    user: bob,
    object: gathering,
    previous: roleObject({ name: "loud", rules: [] }),
  });
});

test("certificate requests", async () => {
  const server = setUp([
    roleObject({ name: "approver", rules: ["approve certificates.k8s.io signers example.com/*"] }),
    bindingObject({ name: "approver", role: "approver", subjects: ["User jane"] }),
  ]);
  const request = (signerName: string, text: string): JsonObject => ({
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "c" },
    spec: { signerName, request: Buffer.from(text).toString("base64") },
  });
  const to = "certificatesigningrequests.certificates.k8s.io";
  const client = "kubernetes.io/kube-apiserver-client";
  const forged = request(client, "dev");
  const lies = {
    username: "system:node:a",
    groups: ["system:nodes"],
    uid: "1",
    extra: { a: ["b"] },
  };
  const made = await server.send({
    to,
    object: { ...forged, spec: { ...childObject(forged, "spec"), ...lies } },
  });
  const { username, groups, uid, extra } = childObject(made, "spec") ?? {};
  assert.deepEqual([username, groups, uid, extra], [jane.name, jane.groups, undefined, undefined]);
  await server.send({ to, object: request("example.com/x", "system:masters") });
  await refused(
    server.send({ to, object: request(client, "dev,system:masters") }),
    403,
    /signer with system:masters group is not allowed/,
  );
  const approve = (previous: JsonObject): Promise<JsonObject> =>
    server.send({
      to: `${to}/approval`,
      operation: "UPDATE",
      name: "c",
      object: previous,
      previous,
    });
  await approve(request("example.com/x", "dev"));
  await refused(
    approve(request(client, "dev")),
    403,
    /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  );
  const previous = request("example.com/x", "dev");
  await refused(
    server.send({
      to: `${to}/status`,
      operation: "UPDATE",
      name: "c",
      object: { ...previous, status: { certificate: "x" } },
      previous,
    }),
    403,
    /user not permitted to sign requests/,
  );
});

test("NodeRestriction", async () => {
  const own = pod({ nodeName: "a" });
  const theirs = pod({ nodeName: "b" });
  const server = setUp([
    named("Node", "a", { metadata: { name: "a", uid: "uid-a" } }),
    named("Pod", "own", { spec: { nodeName: "a", serviceAccountName: "default" } }, "default"),
    named("Pod", "theirs", { spec: { nodeName: "b" } }, "default"),
  ]);
  const ownUid = childString(
    childObject(server.objects.get("pods", "", "default", "own"), "metadata"),
    "uid",
  );
  const mirror = {
    annotations: { "kubernetes.io/config.mirror": "x" },
    ownerReferences: [
      { apiVersion: "v1", kind: "Node", name: "a", uid: "uid-a", controller: true },
    ],
  };
  const lease = (name: string): JsonObject =>
    named("Lease", name, { apiVersion: "coordination.k8s.io/v1" });
  const token = (boundObjectRef: JsonObject, audiences: string[] = []): JsonObject => ({
    spec: { audiences, boundObjectRef },
  });
  const bound = { apiVersion: "v1", kind: "Pod", name: "own", uid: ownUid };
  const nodeObject = (labels: JsonObject, spec: JsonObject = {}): JsonObject =>
    named("Node", "a", { metadata: { name: "a", labels }, spec });
  const update = { operation: "UPDATE" as const, name: "web" };
  const cases: [what: string, request: Partial<AdmissionRequest> & Target, why?: RegExp][] = [
    ["mirror pod", { to: "pods", object: pod({ nodeName: "a" }, mirror) }],
    ["plain pod", { to: "pods", object: own }, /annotation, node "a" can only create mirror pods/],
    ["elsewhere", { to: "pods", object: pod({ nodeName: "b" }, mirror) }, /set to itself/],
    [
      "stealing mirror",
      {
        to: "pods",
        object: pod({ nodeName: "a", volumes: [{ secret: { secretName: "x" } }] }, mirror),
      },
      /can not create pods that reference secrets|a mirror pod may not reference secrets/,
    ],
    ["own pod", { to: "pods", operation: "DELETE", name: "own" }],
    [
      "another's pod",
      { to: "pods", operation: "DELETE", name: "theirs" },
      /can only delete pods with spec.nodeName set to itself/,
    ],
    ["own status", { to: "pods/status", ...update, object: own, previous: own }],
    [
      "another's status",
      { to: "pods/status", ...update, object: theirs, previous: theirs },
      /can only update pod status for pods with spec.nodeName set to itself/,
    ],
    [
      "labels by status",
      {
        to: "pods/status",
        ...update,
        object: pod({ nodeName: "a" }, { labels: { x: "y" } }),
        previous: own,
      },
      /cannot update labels through pod status/,
    ],
    ["update", { to: "pods", ...update, object: own, previous: own }, /unexpected operation/],
    ["evict own", { to: "pods/eviction", name: "own", object: {} }],
    ["evict", { to: "pods/eviction", name: "theirs", object: {} }, /can only evict pods/],
    ["itself", { to: "nodes", object: nodeObject({ "kubernetes.io/hostname": "a", mine: "x" }) }],
    [
      "foreign label",
      { to: "nodes", object: nodeObject({ "node-restriction.kubernetes.io/team": "x" }) },
      /node "a" is not allowed to set the following labels: node-restriction.kubernetes.io\/team/,
    ],
    [
      "role label",
      {
        to: "nodes",
        ...update,
        name: "a",
        object: nodeObject({ "node-role.kubernetes.io/control-plane": "" }),
        previous: nodeObject({}),
      },
      /is not allowed to modify labels/,
    ],
    [
      "taints",
      {
        to: "nodes",
        ...update,
        name: "a",
        object: nodeObject({}),
        previous: nodeObject({}, { taints: [{ key: "x", effect: "NoSchedule" }] }),
      },
      /not allowed to modify taints/,
    ],
    [
      "another node",
      { to: "nodes", object: named("Node", "b") },
      /node "a" is not allowed to modify node "b"/,
    ],
    [
      "own lease",
      { to: "leases.coordination.k8s.io", namespace: "kube-node-lease", object: lease("a") },
    ],
    [
      "another's lease",
      { to: "leases.coordination.k8s.io", namespace: "kube-node-lease", object: lease("b") },
      /same name as the requesting node/,
    ],
    [
      "lease elsewhere",
      { to: "leases.coordination.k8s.io", object: lease("a") },
      /can only access leases in the "kube-node-lease"/,
    ],
    [
      "unbound token",
      { to: "serviceaccounts/token", name: "default", object: { spec: {} } },
      /node requested token not bound to a pod/,
    ],
    [
      "token without uid",
      {
        to: "serviceaccounts/token",
        name: "default",
        object: token({ apiVersion: "v1", kind: "Pod", name: "own" }),
      },
      /without a uid/,
    ],
    [
      "audience the pod does not ask for",
      { to: "serviceaccounts/token", name: "default", object: token(bound, ["vault"]) },
      /audience "vault" not found in pod spec volume/,
    ],
  ];
  server.objects.put(named("Namespace", "kube-node-lease"));
  for (const [what, request, why] of cases) {
    const asked = server.send({ user: node, ...request });
    if (why === undefined)
      await asked.catch((error: unknown) => assert.fail(`${what}: ${String(error)}`));
    else await refused(asked, 403, why);
  }
  const volumes = [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }];
  const projected = { nodeName: "a", serviceAccountName: "default", volumes };
  const ready = server.objects.put(named("Pod", "own", { spec: projected }, "default"));
  const uid = childString(childObject(ready, "metadata"), "uid") ?? "";
  const to = "serviceaccounts/token";
  await server.send({ to, user: node, name: "default", object: token({ ...bound, uid }) });
});

function service(name: string, spec: JsonObject): JsonObject {
  return named("Service", name, { spec: { type: "ClusterIP", ...spec } }, "default");
}

const web = { port: 80, protocol: "TCP" };

test("services: addresses and ports", async () => {
  const { send, objects } = setUp();
  const create = (name: string, spec: JsonObject): Promise<JsonObject> =>
    send({ to: "services", object: service(name, spec) });
  const first = childObject(await create("a", { ports: [{ ...web }] }), "spec") ?? {};
  assert.match(childString(first, "clusterIP") ?? "", /^10\.96\.\d+\.\d+$/);
  assert.deepEqual(first["clusterIPs"], [first["clusterIP"]]);
  assert.deepEqual(first["ipFamilies"], ["IPv4"]);
  const headless = childObject(await create("h", { clusterIP: "None" }), "spec") ?? {};
  assert.deepEqual([headless["clusterIP"], headless["clusterIPs"]], ["None", ["None"]]);
  const external = await create("e", { type: "ExternalName", externalName: "example.com" });
  assert.equal(childObject(external, "spec")?.["clusterIP"], undefined);

  objects.put(service("taken", { clusterIP: "10.96.0.77", clusterIPs: ["10.96.0.77"] }));
  await refused(
    create("b", { clusterIP: "10.96.0.77" }),
    422,
    /spec.clusterIPs: Invalid value: \["10.96.0.77"\]: failed to allocate IP 10.96.0.77: provided IP is already allocated/,
  );
  await refused(create("b", { clusterIP: "10.97.0.1" }), 422, /is not in the valid range/);
  await refused(create("b", { clusterIP: "10.96.0.0" }), 422, /is not in the valid range/);

  const udp = { port: 80, protocol: "UDP" };
  const ports = [{ ...web }, udp, { port: 81 }];
  const open = childObject(await create("n", { type: "NodePort", ports }), "spec");
  const numbers = childList(open, "ports").map((it) => (it as JsonObject)["nodePort"]);
  assert.equal(numbers[0], numbers[1], "one number for both protocols of a port");
  assert.notEqual(numbers[0], numbers[2]);
  await refused(
    create("m", { type: "NodePort", ports: [{ ...web, nodePort: 80 }] }),
    422,
    /spec.ports\[0\].nodePort: Invalid value: 80: provided port is not in the valid range/,
  );
  const local = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ ...web }] };
  const balanced = childObject(await create("l", local), "spec");
  const health = balanced?.["healthCheckNodePort"];
  assert.ok(typeof health === "number" && health >= 30_000 && health <= 32_767);
  const without = {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    ports: [{ ...web }],
  };
  const closed = childObject(await create("w", without), "spec");
  assert.deepEqual(childList(closed, "ports"), [web]);
});

test("services: creates at once choose different addresses; deletes give back at once", async () => {
  const { send, objects, clock } = setUp();
  const create = (name: string, spec: JsonObject, dryRun = false): Promise<JsonObject> =>
    send({ to: "services", object: service(name, spec), dryRun });
  const many = await Promise.all(
    Array.from({ length: 500 }, (_, at) =>
      create(`s-${at}`, { type: "NodePort", ports: [{ ...web }] }),
    ),
  );
  const specs = many.map((it) => childObject(it, "spec"));
  assert.equal(new Set(specs.map((it) => it?.["clusterIP"])).size, 500);
  const ports = specs.map((it) => (childList(it, "ports")[0] as JsonObject)["nodePort"]);
  assert.equal(new Set(ports).size, 500);

  const fixed = { type: "NodePort", ports: [{ ...web, nodePort: 31_000 }] };
  objects.remove("services", "", "default", "none");
  if (!ports.includes(31_000)) {
    await create("dry", fixed, true);
    const made = await create("one", fixed);
    await refused(create("two", fixed), 422, /provided port is already allocated/);
    objects.put(made);
    await refused(create("two", fixed), 422, /provided port is already allocated/);
    objects.remove("services", "", "default", "one");
    await create("two", fixed);
    // That create was never stored: its reservation ends with time.
    await refused(create("three", fixed), 422, /provided port is already allocated/);
    await clock.advance(30_001);
    await create("three", fixed);
  }
});

test("services: updates keep what they have, and choose what they newly need", async () => {
  const { send, objects } = setUp();
  const made = await send({ to: "services", object: service("a", { ports: [{ ...web }] }) });
  const previous = objects.put(made);
  const update = (spec: JsonObject, from = previous): Promise<JsonObject> =>
    send({
      to: "services",
      operation: "UPDATE",
      name: "a",
      object: service("a", spec),
      previous: from,
    });
  const address = childObject(previous, "spec")?.["clusterIP"];
  const open = await update({ type: "NodePort", ports: [{ ...web }] });
  assert.equal(childObject(open, "spec")?.["clusterIP"], address);
  const stored = objects.put(open);
  const again = await update({ type: "NodePort", ports: [{ ...web }, { port: 443 }] }, stored);
  const [first, second] = childList(childObject(again, "spec"), "ports") as JsonObject[];
  const [before] = childList(childObject(stored, "spec"), "ports") as JsonObject[];
  assert.equal(first?.["nodePort"], before?.["nodePort"]);
  assert.notEqual(second?.["nodePort"], before?.["nodePort"]);
  const external = await update({ ...childObject(stored, "spec"), type: "ExternalName" }, stored);
  assert.equal(childObject(external, "spec")?.["clusterIP"], undefined);
  const back = await update({ type: "ClusterIP" }, objects.put(external));
  assert.match(childString(childObject(back, "spec"), "clusterIP") ?? "", /^10\.96\./);
});
