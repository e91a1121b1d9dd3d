import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec, ResourceQuotaSpec } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { amountsText } from "./amounts.ts";
import { isInScope, measureOf, scopesOf } from "./measures.ts";

function usageOf(kind: string, object: object, nowMs = 0): string {
  const [plural = "", ...group] = kind.split(".");
  const measure = measureOf({ group: group.join("."), plural });
  assert.ok(measure !== undefined);
  return amountsText(measure.usage(object, nowMs));
}

function requests(cpu: string): object {
  return { resources: { requests: { cpu } } };
}

const at = "2026-01-01T00:00:00Z";
const atMs = Date.parse(at);
const going = { metadata: { deletionTimestamp: at, deletionGracePeriodSeconds: 30 }, spec: {} };
const beta = { metadata: { annotations: { "volume.beta.kubernetes.io/storage-class": "old" } } };
const tenGi = { resources: { requests: { storage: "10Gi" } } };
const exact = { deviceClassName: "gpu", allocationMode: "ExactCount", count: 2 };

const usages: [what: string, kind: string, object: object, want: string][] = [
  ["a config map", "configmaps", {}, "configmaps=1,count/configmaps=1"],
  ["a deployment", "deployments.apps", {}, "count/deployments.apps=1"],
  ["a pod of nothing", "pods", { spec: {} }, "count/pods=1,pods=1"],
  [
    "requests and limits",
    "pods",
    {
      spec: {
        containers: [
          {
            resources: {
              requests: { cpu: "1", "nvidia.com/gpu": "1", "hugepages-2Mi": "2Mi" },
              limits: { memory: "1Gi", "ephemeral-storage": "1Gi" },
            },
          },
        ],
      },
    },
    "count/pods=1,cpu=1,hugepages-2Mi=2Mi,limits.ephemeral-storage=1Gi,limits.memory=1Gi,pods=1,requests.cpu=1,requests.hugepages-2Mi=2Mi,requests.nvidia.com/gpu=1",
  ],
  [
    "init containers, sidecars and overhead",
    "pods",
    {
      spec: {
        containers: [requests("1")],
        initContainers: [{ ...requests("300m"), restartPolicy: "Always" }, requests("2")],
        overhead: { cpu: "50m" },
      },
    },
    "count/pods=1,cpu=2350m,pods=1,requests.cpu=2350m",
  ],
  [
    "the pod as a whole",
    "pods",
    { spec: { containers: [requests("5")], resources: { requests: { cpu: "2" } } } },
    "count/pods=1,cpu=2,pods=1,requests.cpu=2",
  ],
  ["a pod that has ended", "pods", { spec: {}, status: { phase: "Failed" } }, "count/pods=1"],
  [
    "a service with node ports",
    "services",
    { spec: { type: "NodePort", ports: [{}, {}] } },
    "count/services=1,services.loadbalancers=0,services.nodeports=2,services=1",
  ],
  [
    "a load balancer that chooses its node ports",
    "services",
    {
      spec: {
        type: "LoadBalancer",
        allocateLoadBalancerNodePorts: false,
        ports: [{ nodePort: 30_000 }, {}],
      },
    },
    "count/services=1,services.loadbalancers=1,services.nodeports=1,services=1",
  ],
  [
    "a claim of a class",
    "persistentvolumeclaims",
    { spec: { storageClassName: "gold", ...tenGi } },
    "count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=10Gi,persistentvolumeclaims=1,requests.storage=10Gi",
  ],
  [
    "a claim that has more already, its class in the old place",
    "persistentvolumeclaims",
    { ...beta, spec: tenGi, status: { allocatedResources: { storage: "20Gi" } } },
    "count/persistentvolumeclaims=1,old.storageclass.storage.k8s.io/persistentvolumeclaims=1,old.storageclass.storage.k8s.io/requests.storage=20Gi,persistentvolumeclaims=1,requests.storage=20Gi",
  ],
  [
    "a claim of less than a byte",
    "persistentvolumeclaims",
    { spec: { resources: { requests: { storage: "100m" } } } },
    "count/persistentvolumeclaims=1,persistentvolumeclaims=1,requests.storage=1",
  ],
  [
    "devices",
    "resourceclaims.resource.k8s.io",
    {
      spec: {
        devices: {
          requests: [
            { exactly: exact },
            { firstAvailable: [exact, { ...exact, count: 4 }] },
            { exactly: { deviceClassName: "nic", allocationMode: "All" } },
          ],
        },
      },
    },
    "count/resourceclaims.resource.k8s.io=1,gpu.deviceclass.resource.k8s.io/devices=6,nic.deviceclass.resource.k8s.io/devices=32",
  ],
];

for (const [what, kind, object, want] of usages) {
  test(`usage: ${what} -> ${want}`, () => {
    assert.equal(usageOf(kind, object), want);
  });
}

test("usage: a pod that should long be gone is not charged", () => {
  assert.equal(usageOf("pods", going, atMs + 30_000), "count/pods=1,pods=1");
  assert.equal(usageOf("pods", going, atMs + 30_001), "count/pods=1");
});

function resizing(actual: string, conditions: object[] = []): object {
  const resources = { requests: { cpu: actual } };
  const containerStatuses = [{ name: "c", resources, allocatedResources: { cpu: "1" } }];
  return {
    spec: { containers: [{ name: "c", ...requests("2") }] },
    status: { conditions, containerStatuses },
  };
}

test("usage: a pod that is resized takes the most of what it has and shall have", () => {
  const infeasible = [{ type: "PodResizePending", reason: "Infeasible" }];
  assert.match(usageOf("pods", resizing("1")), /,cpu=2,/);
  assert.match(usageOf("pods", resizing("3")), /,cpu=3,/);
  assert.match(usageOf("pods", resizing("1", infeasible)), /,cpu=1,/);
});

const elsewhere = { namespaces: ["other"], topologyKey: "k" };
const scopes: [spec: ResourceQuotaSpec, pod: Loose<PodSpec>, want: boolean][] = [
  [{}, {}, true],
  [{ scopes: ["Terminating"] }, {}, false],
  [{ scopes: ["Terminating"] }, { activeDeadlineSeconds: 0 }, true],
  [{ scopes: ["NotTerminating"] }, {}, true],
  [{ scopes: ["BestEffort"] }, {}, true],
  [{ scopes: ["BestEffort"] }, { containers: [requests("1")] }, false],
  [{ scopes: ["NotBestEffort"] }, { containers: [requests("1")] }, true],
  [{ scopes: ["NotBestEffort", "Terminating"] }, { containers: [requests("1")] }, false],
  [{ scopes: ["PriorityClass"] }, {}, false],
  [{ scopes: ["PriorityClass"] }, { priorityClassName: "high" }, true],
  [selector("In", ["high"]), { priorityClassName: "high" }, true],
  [selector("In", ["high"]), { priorityClassName: "low" }, false],
  [selector("NotIn", ["high"]), { priorityClassName: "low" }, true],
  [selector("NotIn", ["high"]), {}, true],
  [selector("DoesNotExist", []), {}, true],
  [selector("DoesNotExist", []), { priorityClassName: "low" }, false],
  [{ scopes: ["CrossNamespacePodAffinity"] }, {}, false],
  [
    { scopes: ["CrossNamespacePodAffinity"] },
    {
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: elsewhere }],
        },
      },
    },
    true,
  ],
];

function selector(operator: string, values: string[]): ResourceQuotaSpec {
  const matchExpressions = [{ scopeName: "PriorityClass", operator, values }];
  return { scopeSelector: { matchExpressions } };
}

for (const [spec, podSpec, want] of scopes) {
  test(`scopes: ${JSON.stringify(spec)} of ${JSON.stringify(podSpec)} -> ${want}`, () => {
    const measure = measureOf({ group: "", plural: "pods" });
    assert.ok(measure !== undefined);
    const pod: object = { spec: podSpec };
    assert.equal(isInScope(measure, scopesOf(spec), pod), want);
  });
}

test("measureOf: events and what is not stored are not counted", () => {
  assert.equal(measureOf({ group: "", plural: "events" }), undefined);
  assert.equal(measureOf({ group: "events.k8s.io", plural: "events" }), undefined);
  assert.equal(measureOf({ group: "", plural: "bindings" }), undefined);
});
