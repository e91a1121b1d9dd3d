import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "#api/object.ts";
import { amountsText, type ResourceList } from "#api/quota/amounts.ts";
import { measureOf } from "#api/quota/measures.ts";
import { planCharge, viewOf, type Charge, type QuotaView } from "./plan.ts";

interface PodLike extends KubernetesObject {
  readonly spec: object;
}

function quota(
  name: string,
  hard: ResourceList,
  used: ResourceList,
  spec: { readonly scopes?: readonly string[] } = {},
): QuotaView {
  return viewOf({ metadata: { name }, spec, status: { hard, used } });
}

function pod(requests: ResourceList, limits: ResourceList = {}, more: object = {}): PodLike {
  return {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", resources: { requests, limits } }], ...more },
  };
}

function service(type: string, ports = 1): PodLike {
  return {
    metadata: { name: "s" },
    spec: { type, ports: Array.from({ length: ports }, () => ({})) },
  };
}

function claim(storage: string, allocated?: string): KubernetesObject {
  const object = {
    metadata: { name: "c" },
    spec: { resources: { requests: { storage } } },
    status: allocated === undefined ? {} : { allocatedResources: { storage: allocated } },
  };
  return object;
}

const isStatus = { isStatus: true };

type Case = [
  what: string,
  plural: string,
  quotas: QuotaView[],
  write: Partial<Charge> & { readonly object: KubernetesObject },
  want: string,
];

const cases: Case[] = [
  ["no quota", "pods", [], { object: pod({}) }, ""],
  ["another kind's quota", "pods", [quota("q", { secrets: "0" }, {})], { object: pod({}) }, ""],
  [
    "room",
    "pods",
    [quota("q", { pods: "5", "requests.cpu": "1" }, { pods: "4", "requests.cpu": "500m" })],
    { object: pod({ cpu: "500m" }) },
    "q: pods=5,requests.cpu=1",
  ],
  [
    "too many",
    "pods",
    [quota("q", { pods: "2" }, { pods: "2" })],
    { object: pod({}) },
    "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2",
  ],
  [
    "only what exceeds is named",
    "pods",
    [
      quota(
        "q",
        { pods: "9", "requests.cpu": "1", "requests.memory": "1Gi" },
        { pods: "2", "requests.cpu": "800m", "requests.memory": "600Mi" },
      ),
    ],
    { object: pod({ cpu: "300m", memory: "500Mi" }) },
    "exceeded quota: q, requested: requests.cpu=300m,requests.memory=500Mi, used: requests.cpu=800m,requests.memory=600Mi, limited: requests.cpu=1,requests.memory=1Gi",
  ],
  [
    "what must be said",
    "pods",
    [
      quota(
        "q",
        { cpu: "1", "limits.cpu": "1", "limits.memory": "1" },
        { cpu: "0", "limits.cpu": "0", "limits.memory": "0" },
      ),
    ],
    { object: pod({ cpu: "1" }) },
    "failed quota: q: must specify limits.cpu for: c; limits.memory for: c",
  ],
  [
    "not counted yet",
    "pods",
    [quota("q", { pods: "2", "requests.nvidia.com/gpu": "1" }, {})],
    { object: pod({}) },
    "status unknown for quota: q, resources: pods,requests.nvidia.com/gpu",
  ],
  [
    "outside of the scope",
    "pods",
    [quota("q", { pods: "0" }, { pods: "0" }, { scopes: ["Terminating"] })],
    { object: pod({}) },
    "",
  ],
  [
    "inside of the scope",
    "pods",
    [quota("q", { pods: "0" }, { pods: "0" }, { scopes: ["Terminating", "BestEffort"] })],
    { object: pod({}, {}, { activeDeadlineSeconds: 5 }) },
    "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
  ],
  [
    "all quotas are charged",
    "pods",
    [
      quota("a", { pods: "2" }, { pods: "0" }),
      quota("b", { "count/pods": "2" }, { "count/pods": "1" }),
    ],
    { object: pod({}) },
    "a: pods=1; b: count/pods=2",
  ],
  [
    "none is charged when one has no room",
    "pods",
    [quota("a", { pods: "2" }, { pods: "0" }), quota("b", { pods: "1" }, { pods: "1" })],
    { object: pod({}) },
    "exceeded quota: b, requested: pods=1, used: pods=1, limited: pods=1",
  ],
  [
    "extended resources and huge pages",
    "pods",
    [
      quota(
        "q",
        { "requests.nvidia.com/gpu": "4", "requests.hugepages-2Mi": "1Gi" },
        { "requests.nvidia.com/gpu": "1", "requests.hugepages-2Mi": "0" },
      ),
    ],
    { object: pod({ "nvidia.com/gpu": "3", "hugepages-2Mi": "1Gi" }) },
    "q: requests.hugepages-2Mi=1Gi,requests.nvidia.com/gpu=4",
  ],
  [
    "more than there is already stays possible where nothing is added",
    "services",
    [quota("q", { services: "1" }, { services: "2" })],
    { object: service("ClusterIP"), previous: service("ClusterIP") },
    "",
  ],
  [
    "a resize takes what is more",
    "pods",
    [quota("q", { "requests.cpu": "1" }, { "requests.cpu": "900m" })],
    { object: pod({ cpu: "600m" }), previous: pod({ cpu: "500m" }) },
    "q: requests.cpu=1",
  ],
  [
    "a resize for which there is no room",
    "pods",
    [quota("q", { "requests.cpu": "1" }, { "requests.cpu": "900m" })],
    { object: pod({ cpu: "700m" }), previous: pod({ cpu: "500m" }) },
    "exceeded quota: q, requested: requests.cpu=200m, used: requests.cpu=900m, limited: requests.cpu=1",
  ],
  [
    "a pod that comes into the scope takes all",
    "pods",
    [quota("q", { pods: "1" }, { pods: "0" }, { scopes: ["Terminating"] })],
    { object: pod({}, {}, { activeDeadlineSeconds: 5 }), previous: pod({}) },
    "q: pods=1",
  ],
  [
    "a service that becomes a load balancer",
    "services",
    [
      quota(
        "q",
        { services: "1", "services.loadbalancers": "1", "services.nodeports": "1" },
        { services: "1", "services.loadbalancers": "0", "services.nodeports": "0" },
      ),
    ],
    { object: service("LoadBalancer", 2), previous: service("ClusterIP", 2) },
    "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1",
  ],
  [
    "a claim that grows",
    "persistentvolumeclaims",
    [quota("q", { "requests.storage": "10Gi" }, { "requests.storage": "9Gi" })],
    { object: claim("3Gi"), previous: claim("1Gi") },
    "exceeded quota: q, requested: requests.storage=2Gi, used: requests.storage=9Gi, limited: requests.storage=10Gi",
  ],
  [
    "a status is counted whatever the limit",
    "persistentvolumeclaims",
    [quota("q", { "requests.storage": "1Gi" }, { "requests.storage": "1Gi" })],
    { object: claim("1Gi", "3Gi"), previous: claim("1Gi"), ...isStatus },
    "q: requests.storage=3Gi",
  ],
];

for (const [what, plural, quotas, write, want] of cases) {
  test(`planCharge: ${what} -> ${want === "" ? "free" : want}`, () => {
    const measure = measureOf({ group: "", plural });
    assert.ok(measure !== undefined);
    const outcome = planCharge(
      quotas,
      { measure, previous: undefined, isStatus: false, ...write },
      0,
    );
    const got =
      outcome.kind === "refused"
        ? outcome.why
        : [...outcome.used].map(([name, used]) => `${name}: ${amountsText(used)}`).join("; ");
    assert.equal(got, want);
  });
}
