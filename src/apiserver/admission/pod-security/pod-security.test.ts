import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";
import { admissionRequestTo } from "#testing/admission-request.ts";
import { ObjectFixture } from "#testing/object-fixture.ts";
import { podSecurity } from "./pod-security.ts";

const never = new AbortController().signal;
const bad = { containers: [{ name: "c", image: "i", securityContext: { privileged: true } }] };
const plain = { containers: [{ name: "c", image: "i" }] };
const finding =
  'PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)';

function namespace(name: string, labels: Record<string, string>): JsonObject {
  const all = Object.entries(labels).map(([key, it]) => [`pod-security.kubernetes.io/${key}`, it]);
  const metadata = { name, labels: Object.fromEntries(all) as JsonObject };
  return { apiVersion: "v1", kind: "Namespace", metadata };
}

function pod(name: string, spec: JsonObject, ns = "old", owner?: string): JsonObject {
  const ownerReferences = owner === undefined ? [] : [{ uid: owner, controller: true }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: ns, ownerReferences },
    spec,
  };
}

const objects = new ObjectFixture([
  namespace("free", {}),
  namespace("enforced", { enforce: "baseline" }),
  namespace("warned", { warn: "baseline" }),
  namespace("audited", { audit: "baseline" }),
  namespace("typo", { enforce: "baselin" }),
  namespace("old", {}),
  pod("b", bad),
  pod("a", bad),
  pod("replica-1", { hostNetwork: true }, "old", "set"),
  pod("replica-2", { hostNetwork: true }, "old", "set"),
  pod("replica-0", { hostNetwork: true }, "old", "set"),
  pod("fine", plain),
]);

async function send(
  to: string,
  object: JsonObject,
  given: Partial<AdmissionRequest>,
): Promise<string[]> {
  const warnings: string[] = [];
  const request = admissionRequestTo(to, {
    namespace: "free",
    ...given,
    object,
    warn: (text) => warnings.push(text),
  });
  try {
    await podSecurity(objects).validate?.(request, never);
    return warnings;
  } catch (error) {
    assert.ok(error instanceof StatusError);
    assert.deepEqual(warnings, []);
    return [`${error.code} ${error.message}`];
  }
}

function inTemplate(spec: JsonObject): JsonObject {
  return { metadata: { name: "d" }, spec: { template: { metadata: {}, spec } } };
}

const cronJob = { metadata: { name: "d" }, spec: { jobTemplate: inTemplate(bad) } };
const update = { operation: "UPDATE" } as const;
const refused = [`403 pods "p" is forbidden: violates ${finding}`];
const warned = [`would violate ${finding}`];
const image = { containers: [{ ...bad.containers[0], image: "other" }] };
const debugged = { ...bad, ephemeralContainers: [{ name: "e", image: "i" }] };
type Case = [
  what: string,
  to: string,
  object: JsonObject,
  given: Partial<AdmissionRequest>,
  want: string[],
];
const cases: Case[] = [
  ["no labels", "pods", pod("p", bad), {}, []],
  ["enforced", "pods", pod("p", bad), { namespace: "enforced" }, refused],
  [
    "enforced, in a dry run",
    "pods",
    pod("p", bad),
    { namespace: "enforced", dryRun: true },
    refused,
  ],
  ["enforced and kept", "pods", pod("p", plain), { namespace: "enforced" }, []],
  ["warned", "pods", pod("p", bad), { namespace: "warned" }, warned],
  ["audited only", "pods", pod("p", bad), { namespace: "audited" }, []],
  [
    "a wrong label",
    "pods",
    pod("p", bad),
    { namespace: "typo" },
    [
      '403 pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged (container "c" must not set securityContext.privileged=true), allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
  ],
  [
    "an update of labels",
    "pods",
    pod("p", bad),
    { ...update, namespace: "enforced", previous: pod("p", bad) },
    [],
  ],
  [
    "an update of the image",
    "pods",
    pod("p", image),
    { ...update, namespace: "enforced", previous: pod("p", bad) },
    refused,
  ],
  [
    "an ephemeral container",
    "pods/ephemeralcontainers",
    pod("p", debugged),
    { ...update, namespace: "enforced", previous: pod("p", bad) },
    refused,
  ],
  [
    "a status",
    "pods/status",
    pod("p", image),
    { ...update, namespace: "enforced", previous: pod("p", bad) },
    [],
  ],
  ["a deployment", "deployments.apps", inTemplate(bad), { namespace: "enforced" }, warned],
  ["a deployment, warned", "deployments.apps", inTemplate(bad), { namespace: "warned" }, warned],
  ["a cron job", "cronjobs.batch", cronJob, { namespace: "warned" }, warned],
  [
    "a pod template",
    "podtemplates",
    { metadata: {}, template: { spec: bad } },
    { namespace: "warned" },
    warned,
  ],
  ["a controller without a template", "replicationcontrollers", {}, { namespace: "warned" }, []],
  ["a config map", "configmaps", {}, { namespace: "enforced" }, []],
  [
    "a new namespace with a wrong label",
    "namespaces",
    namespace("x", { warn: "much" }),
    { namespace: "" },
    [
      '422 Namespace "x" is invalid: metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "much": must be one of privileged, baseline, restricted',
    ],
  ],
  [
    "a wrong label that was there",
    "namespaces",
    namespace("x", { warn: "much" }),
    { ...update, namespace: "", previous: namespace("x", { warn: "much" }) },
    [],
  ],
  [
    "a namespace that becomes stricter",
    "namespaces",
    namespace("old", { enforce: "baseline" }),
    { ...update, namespace: "", previous: namespace("old", {}) },
    [
      'existing pods in namespace "old" violate the new PodSecurity enforce level "baseline:latest"',
      "a (and 1 other pod): privileged",
      "replica-0 (and 2 other pods): host namespaces",
    ],
  ],
  [
    "a namespace that becomes laxer",
    "namespaces",
    namespace("old", { enforce: "baseline" }),
    { ...update, namespace: "", previous: namespace("old", { enforce: "restricted" }) },
    [],
  ],
];

for (const [what, to, object, given, want] of cases) {
  test(`podSecurity: ${what} -> ${want.join("; ") || "allowed"}`, async () => {
    assert.deepEqual(await send(to, object, given), want);
  });
}
