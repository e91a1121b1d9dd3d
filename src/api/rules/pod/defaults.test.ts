import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { defaulted, strategyFor, valueAt, withValue } from "#testing/kind-table.ts";
import { defaultPullPolicy } from "./image.ts";

const pods = strategyFor("", "pods");
const bare: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: { containers: [{ name: "c", image: "busybox" }] },
};

test("defaultPod: what a pod has that asks for nothing", () => {
  assert.deepEqual(defaulted(pods, bare)["spec"], {
    containers: [
      {
        name: "c",
        image: "busybox",
        imagePullPolicy: "Always",
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        resources: {},
      },
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
  });
});

const cases: [path: string, value: Json, at: string, want: Json][] = [
  ["spec.restartPolicy", "Never", "spec.restartPolicy", "Never"],
  ["spec.terminationGracePeriodSeconds", 0, "spec.terminationGracePeriodSeconds", 0],
  ["spec.serviceAccount", "x", "spec.serviceAccountName", "x"],
  ["spec.serviceAccountName", "x", "spec.serviceAccount", "x"],
  ["spec.enableServiceLinks", false, "spec.enableServiceLinks", false],
  [
    "spec.containers.0.ports",
    [{ containerPort: 80 }],
    "spec.containers.0.ports",
    [{ containerPort: 80, protocol: "TCP" }],
  ],
  [
    "spec.containers.0.livenessProbe",
    { httpGet: { port: 80 } },
    "spec.containers.0.livenessProbe",
    {
      httpGet: { port: 80, path: "/", scheme: "HTTP" },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
  ],
  [
    "spec.containers.0.livenessProbe",
    { grpc: { port: 80 } },
    "spec.containers.0.livenessProbe.grpc",
    { port: 80, service: "" },
  ],
  [
    "spec.containers.0.lifecycle",
    { preStop: { httpGet: { port: 80 } } },
    "spec.containers.0.lifecycle.preStop.httpGet",
    { port: 80, path: "/", scheme: "HTTP" },
  ],
  [
    "spec.containers.0.env",
    [{ name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
    "spec.containers.0.env.0.valueFrom.fieldRef.apiVersion",
    "v1",
  ],
  [
    "spec.containers.0.resources",
    { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
    "spec.containers.0.resources.requests",
    { cpu: "500m", memory: "1Gi" },
  ],
  [
    "spec.containers.0.resources",
    { requests: { cpu: "100u" } },
    "spec.containers.0.resources.requests.cpu",
    "1m",
  ],
  ["spec.volumes", [{ name: "v" }], "spec.volumes", [{ name: "v", emptyDir: {} }]],
  [
    "spec.volumes",
    [{ name: "v", secret: { secretName: "s" } }],
    "spec.volumes.0.secret.defaultMode",
    420,
  ],
  ["spec.volumes", [{ name: "v", hostPath: { path: "/" } }], "spec.volumes.0.hostPath.type", ""],
  [
    "spec.volumes",
    [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }],
    "spec.volumes.0.projected",
    {
      defaultMode: 420,
      sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }],
    },
  ],
  [
    "spec.volumes",
    [{ name: "v", image: { reference: "a:1" } }],
    "spec.volumes.0.image.pullPolicy",
    "IfNotPresent",
  ],
];

for (const [path, value, at, want] of cases) {
  test(`defaultPod: ${path} = ${JSON.stringify(value)}`, () => {
    assert.deepEqual(valueAt(defaulted(pods, withValue(bare, path, value)), at), want);
  });
}

test("defaultPod: ports of a pod on the host's network are the host's", () => {
  const object = withValue(bare, "spec.hostNetwork", true);
  const pod = defaulted(
    pods,
    withValue(object, "spec.containers.0.ports", [{ containerPort: 80 }]),
  );
  assert.equal(valueAt(pod, "spec.containers.0.ports.0.hostPort"), 80);
});

test("defaultPod: requests of the pod follow its limits and its containers", () => {
  const object = withValue(bare, "spec.resources", { limits: { cpu: "2", memory: "1Gi" } });
  const requests = { requests: { cpu: "300m" } };
  const pod = defaulted(pods, withValue(object, "spec.containers.0.resources", requests));
  assert.deepEqual(valueAt(pod, "spec.resources.requests"), { cpu: "300m", memory: "1Gi" });
});

test("defaultPod: a second pass changes nothing", () => {
  const once = defaulted(pods, bare);
  assert.deepEqual(defaulted(pods, once), once);
});

const images: [image: string | undefined, want: string][] = [
  ["busybox", "Always"],
  ["busybox:latest", "Always"],
  ["busybox:1", "IfNotPresent"],
  ["localhost:5000/busybox", "Always"],
  ["localhost:5000/busybox:1", "IfNotPresent"],
  ["busybox@sha256:0123", "IfNotPresent"],
  ["busybox:latest@sha256:0123", "Always"],
  ["", "IfNotPresent"],
  [undefined, "IfNotPresent"],
];

for (const [image, want] of images) {
  test(`defaultPullPolicy: ${image ?? "none"} -> ${want}`, () => {
    assert.equal(defaultPullPolicy(image), want);
  });
}

const classes: [containers: Json, want: string][] = [
  [[{ name: "c" }], "BestEffort"],
  [[{ name: "c", resources: { requests: { cpu: "1" } } }], "Burstable"],
  [[{ name: "c", resources: { limits: { cpu: "1", memory: "1Gi" } } }], "Guaranteed"],
  [[{ name: "c", resources: { limits: { cpu: "1", memory: "1Gi" } } }, { name: "d" }], "Burstable"],
  [[{ name: "c", resources: { requests: { "example.com/gpu": "1" } } }], "BestEffort"],
];

for (const [containers, want] of classes) {
  test(`pods: status of a new one with ${JSON.stringify(containers)} -> ${want}`, () => {
    const pod = defaulted(pods, withValue(bare, "spec.containers", containers));
    pods.prepareForCreate(pod, { now: "2026-01-01T00:00:00Z" });
    assert.deepEqual(pod["status"], { phase: "Pending", qosClass: want });
    assert.equal(valueAt(pod, "metadata.generation"), 1);
  });
}
