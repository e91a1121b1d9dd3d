import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import {
  defaulted,
  strategyFor,
  testFaults,
  testUpdateFaults,
  withValue,
} from "#testing/kind-table.ts";
import {
  prepareEphemeralContainers,
  prepareResize,
  validateBinding,
  validateEphemeralContainersUpdate,
  validateResize,
} from "./subresources.ts";

const valid: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: {
    serviceAccountName: "default",
    volumes: [
      { name: "data", emptyDir: {} },
      {
        name: "token",
        projected: {
          sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
            { configMap: { name: "ca", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            {
              downwardAPI: {
                items: [{ path: "ns", fieldRef: { fieldPath: "metadata.namespace" } }],
              },
            },
          ],
        },
      },
    ],
    initContainers: [{ name: "init", image: "busybox:1" }],
    containers: [
      {
        name: "c",
        image: "busybox:1",
        ports: [{ name: "http", containerPort: 80 }],
        env: [{ name: "A", value: "b" }],
        resources: { requests: { cpu: "100m", memory: "1Mi" }, limits: { cpu: "1" } },
        volumeMounts: [{ name: "data", mountPath: "/data" }],
        livenessProbe: { exec: { command: ["true"] } },
      },
    ],
    tolerations: [{ key: "a", operator: "Exists" }],
  },
};

const c = "spec.containers.0";

testFaults("", "pods", valid, [
  ["spec.containers", [], "Required spec.containers"],
  [`${c}.name`, undefined, "Required spec.containers[0].name"],
  [`${c}.name`, "A", "Invalid spec.containers[0].name"],
  [`${c}.name`, "init", "Duplicate spec.initContainers[0].name"],
  [`${c}.image`, "", "Required spec.containers[0].image"],
  [`${c}.image`, " a", "Invalid spec.containers[0].image ~ leading or trailing whitespace"],
  [
    `${c}.imagePullPolicy`,
    "Now",
    'NotSupported spec.containers[0].imagePullPolicy ~ supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    `${c}.terminationMessagePolicy`,
    "X",
    "NotSupported spec.containers[0].terminationMessagePolicy",
  ],
  [`${c}.ports.0.containerPort`, 0, "Required spec.containers[0].ports[0].containerPort"],
  [
    `${c}.ports.0.containerPort`,
    70000,
    "Invalid spec.containers[0].ports[0].containerPort ~ must be between 1 and 65535, inclusive",
  ],
  [`${c}.ports.0.protocol`, "ICMP", "NotSupported spec.containers[0].ports[0].protocol"],
  [`${c}.ports.0.name`, "a_b", "Invalid spec.containers[0].ports[0].name"],
  [
    `${c}.ports`,
    [
      { containerPort: 80, hostPort: 80 },
      { containerPort: 81, hostPort: 80 },
    ],
    "Duplicate spec.containers[0].ports[1].hostPort",
  ],
  [`${c}.env.0.name`, "", "Required spec.containers[0].env[0].name"],
  [`${c}.env.0.name`, "a=b", "Invalid spec.containers[0].env[0].name"],
  [`${c}.env.0.valueFrom`, {}, "Invalid spec.containers[0].env[0].valueFrom"],
  [
    `${c}.env.0.valueFrom`,
    { fieldRef: { fieldPath: "metadata.name" } },
    "Invalid spec.containers[0].env[0].valueFrom ~ may not be specified when `value` is not empty",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { fieldRef: { fieldPath: "spec.what" } } },
    "Invalid spec.containers[0].env[0].valueFrom.fieldRef.fieldPath",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.labels" } } },
    "NotSupported spec.containers[0].env[0].valueFrom.fieldRef.fieldPath",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    "",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "" } } },
    "Required spec.containers[0].env[0].valueFrom.secretKeyRef.key",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { resourceFieldRef: { resource: "limits.gpu" } } },
    "NotSupported spec.containers[0].env[0].valueFrom.resourceFieldRef.resource",
  ],
  [
    `${c}.env.0`,
    { name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1Mi" } } },
    "Invalid spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor",
  ],
  [`${c}.envFrom`, [{}], "Invalid spec.containers[0].envFrom"],
  [
    `${c}.envFrom`,
    [{ configMapRef: {} }],
    "Required spec.containers[0].envFrom[0].configMapRef.name",
  ],
  [`${c}.volumeMounts.0.name`, "gone", "NotFound spec.containers[0].volumeMounts[0].name"],
  [`${c}.volumeMounts.0.mountPath`, "", "Required spec.containers[0].volumeMounts[0].mountPath"],
  [
    `${c}.volumeMounts`,
    [
      { name: "data", mountPath: "/a" },
      { name: "token", mountPath: "/a" },
    ],
    "Invalid spec.containers[0].volumeMounts[1].mountPath ~ must be unique",
  ],
  [`${c}.volumeMounts.0.subPath`, "../x", "Invalid spec.containers[0].volumeMounts.subPath"],
  [
    `${c}.volumeMounts.0.mountPropagation`,
    "Bidirectional",
    "Forbidden spec.containers[0].volumeMounts.mountPropagation",
  ],
  [
    `${c}.resources.requests.cpu`,
    "2",
    "Invalid spec.containers[0].resources.requests ~ must be less than or equal to cpu limit of 1",
  ],
  [
    `${c}.resources.requests.cpu`,
    "-1",
    "Invalid spec.containers[0].resources.requests[cpu] ~ must be greater than or equal to 0",
  ],
  [
    `${c}.resources.requests.gpu`,
    "1",
    "Invalid spec.containers[0].resources.requests[gpu] ; Invalid spec.containers[0].resources.requests[gpu]",
  ],
  [
    `${c}.resources.requests`,
    { "example.com/gpu": "1" },
    "Required spec.containers[0].resources.limits",
  ],
  [
    `${c}.livenessProbe`,
    {},
    "Required spec.containers[0].livenessProbe ~ must specify a handler type",
  ],
  [
    `${c}.livenessProbe`,
    { exec: { command: ["a"] }, tcpSocket: { port: 1 } },
    "Forbidden spec.containers[0].livenessProbe.tcpSocket",
  ],
  [
    `${c}.livenessProbe.successThreshold`,
    2,
    "Invalid spec.containers[0].livenessProbe.successThreshold ~ must be 1",
  ],
  [
    `${c}.readinessProbe`,
    { exec: { command: ["a"] }, terminationGracePeriodSeconds: 1 },
    "Invalid spec.containers[0].readinessProbe.terminationGracePeriodSeconds",
  ],
  [`${c}.startupProbe`, { httpGet: { port: "" } }, portNameFaultsOfEmpty()],
  [
    `${c}.lifecycle`,
    { preStop: { sleep: { seconds: 60 } } },
    "Invalid spec.containers[0].lifecycle.preStop.sleep",
  ],
  [`${c}.lifecycle`, { stopSignal: "SIGINT" }, "Forbidden spec.containers[0].lifecycle.stopSignal"],
  [
    `${c}.securityContext`,
    { privileged: true, allowPrivilegeEscalation: false },
    "Invalid spec.containers[0].securityContext",
  ],
  [
    `${c}.securityContext`,
    { runAsUser: -1 },
    "Invalid spec.containers[0].securityContext.runAsUser",
  ],
  [`${c}.restartPolicy`, "Sometimes", "NotSupported spec.containers[0].restartPolicy"],
  [
    "spec.initContainers.0.livenessProbe",
    { exec: { command: ["a"] } },
    "Forbidden spec.initContainers[0].livenessProbe",
  ],
  ["spec.initContainers.0.restartPolicy", "Always", ""],
  [
    "spec.volumes.0.name",
    "token",
    "Duplicate spec.volumes[1].name ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.0",
    { name: "data", emptyDir: {}, hostPath: { path: "/" } },
    "Forbidden spec.volumes[0].hostPath ~ may not specify more than 1 volume type ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.0",
    { name: "data", hostPath: { path: "/a/../b" } },
    "Invalid spec.volumes[0].hostPath.path ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.0",
    { name: "data", secret: {} },
    "Required spec.volumes[0].secret.secretName ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.0",
    { name: "data", configMap: { name: "a", defaultMode: 1000 } },
    "Invalid spec.volumes[0].configMap.defaultMode ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.0",
    { name: "data", persistentVolumeClaim: {} },
    "Required spec.volumes[0].persistentVolumeClaim.claimName ; NotFound spec.containers[0].volumeMounts[0].name",
  ],
  [
    "spec.volumes.1.projected.sources.0.serviceAccountToken.expirationSeconds",
    60,
    "Invalid spec.volumes[1].projected.sources[0].serviceAccountToken.expirationSeconds ~ 10 minutes",
  ],
  [
    "spec.serviceAccountName",
    undefined,
    "Forbidden spec.volumes[1].projected.sources[0].serviceAccountToken",
  ],
  ["spec.restartPolicy", "Maybe", "NotSupported spec.restartPolicy"],
  ["spec.dnsPolicy", "None", "Required spec.dnsConfig"],
  ["spec.dnsConfig", { nameservers: ["x"] }, "Invalid spec.dnsConfig.nameservers[0]"],
  ["spec.activeDeadlineSeconds", 0, "Invalid spec.activeDeadlineSeconds"],
  ["spec.nodeName", "A", "Invalid spec.nodeName"],
  ["spec.hostname", "a.b", "Invalid spec.hostname"],
  ["spec.nodeSelector", { "a b": "c" }, "Invalid spec.nodeSelector"],
  ["spec.tolerations.0", { operator: "Equal" }, "Invalid spec.tolerations[0].operator"],
  [
    "spec.tolerations.0",
    { key: "a", operator: "Exists", tolerationSeconds: 1 },
    "Invalid spec.tolerations[0].effect",
  ],
  [
    "spec.affinity",
    { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } },
    "Required spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
  ],
  [
    "spec.affinity",
    {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 0, podAffinityTerm: { topologyKey: "a" } },
        ],
      },
    },
    "Invalid spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight",
  ],
  [
    "spec.topologySpreadConstraints",
    [{ maxSkew: 0, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" }],
    "Invalid spec.topologySpreadConstraints[0].maxSkew ~ must be greater than zero",
  ],
  [
    "spec.readinessGates",
    [{ conditionType: "a b" }],
    "Invalid spec.readinessGates[0].conditionType",
  ],
  ["spec.schedulingGates", [{ name: "a" }, { name: "a" }], "Duplicate spec.schedulingGates[1]"],
  ["spec.ephemeralContainers", [{ name: "e", image: "a:1" }], "Forbidden spec.ephemeralContainers"],
  ["spec.os", { name: "plan9" }, "NotSupported spec.os"],
  ["spec.hostUsers", false, ""],
  [
    "spec.securityContext",
    { sysctls: [{ name: "a b" }] },
    "Invalid spec.securityContext.sysctls[0].name",
  ],
  [
    "spec.securityContext",
    { seccompProfile: { type: "Localhost" } },
    "Required spec.securityContext.seccompProfile.localhostProfile",
  ],
  [
    "spec.resources",
    { limits: { cpu: "1" }, requests: { cpu: "10m" } },
    "Invalid spec.resources.requests[cpu]",
  ],
]);

function portNameFaultsOfEmpty(): string {
  const fault = "Invalid spec.containers[0].startupProbe.httpGet.port";
  return [fault, fault].join(" ; ");
}

const stored = withValue(valid, "metadata.resourceVersion", "7");
const frozen =
  "Forbidden spec ~ pod updates may not change fields other than `spec.containers[*].image`";

testUpdateFaults("", "pods", stored, [
  [`${c}.image`, "busybox:2", ""],
  [`${c}.args`, ["x"], frozen],
  [`${c}.stdin`, false, ""],
  ["spec.hostNetwork", true, frozen],
  [
    "spec.containers",
    [],
    "Forbidden spec.containers ~ pod updates may not add or remove containers",
  ],
  ["spec.activeDeadlineSeconds", 10, ""],
  ["spec.tolerations", [], "Forbidden spec.tolerations"],
  [
    "spec.tolerations",
    [
      { key: "a", operator: "Exists" },
      { key: "b", operator: "Exists" },
    ],
    "",
  ],
  ["spec.schedulingGates", [{ name: "g" }], "Forbidden spec.schedulingGates[0].name"],
  ["metadata.labels", { a: "b" }, ""],
]);

const gated = withValue(stored, "spec.schedulingGates", [{ name: "g" }]);

testUpdateFaults("", "pods", gated, [
  ["spec.schedulingGates", undefined, ""],
  ["spec.nodeSelector", { a: "b" }, ""],
]);

const pods = strategyFor("", "pods");

test("pods: the generation counts changes of the spec, not of labels", () => {
  const previous = defaulted(pods, withValue(stored, "metadata.generation", 3));
  const context = { now: "2026-01-01T00:00:00Z" };
  const labelled = withValue(previous, "metadata.labels", { a: "b" });
  pods.prepareForUpdate(labelled, previous, context);
  const imaged = withValue(previous, `${c}.image`, "busybox:2");
  pods.prepareForUpdate(imaged, previous, context);
  const generations = [labelled, imaged].map((it) => (it["metadata"] as JsonObject)["generation"]);
  assert.deepEqual(generations, [3, 4]);
});

test("pods: a status write leaves the spec and owners, and keeps the class", () => {
  const previous = defaulted(pods, {
    ...stored,
    status: { phase: "Pending", qosClass: "Burstable" },
  });
  const next = structuredClone({
    ...previous,
    spec: {},
    status: { phase: "Running", podIP: "10.0.0.1" },
  });
  pods.prepareForStatusUpdate(next, previous, { now: "2026-01-01T00:00:00Z" });
  assert.deepEqual(next["spec"], previous["spec"]);
  assert.deepEqual(next["status"], {
    phase: "Running",
    qosClass: "Burstable",
    podIP: "10.0.0.1",
    podIPs: [{ ip: "10.0.0.1" }],
  });
  assert.deepEqual(pods.validateStatusUpdate(next, previous), []);
});

test("pods: a container that ended under restartPolicy Never does not start again", () => {
  const spec = { restartPolicy: "Never", containers: [{ name: "c", image: "a:1" }] };
  const ended = { name: "c", state: { terminated: { exitCode: 1 } } };
  const running = { name: "c", state: { running: {} } };
  const previous = { ...stored, spec, status: { containerStatuses: [ended] } };
  const next = { ...stored, spec, status: { containerStatuses: [running] } };
  const fields = pods.validateStatusUpdate(next, previous).map((it) => it.field);
  assert.deepEqual(fields, ["status.containerStatuses[0].state"]);
});

test("pods: grace of a deletion", () => {
  const grace = (spec: JsonObject, phase: string, asked?: number): number | undefined =>
    pods.gracePeriodSeconds({ spec, status: { phase } }, asked);
  assert.equal(grace({ terminationGracePeriodSeconds: 30 }, "Pending"), 0);
  assert.equal(grace({ terminationGracePeriodSeconds: 30, nodeName: "n" }, "Running"), 30);
  assert.equal(grace({ terminationGracePeriodSeconds: 30, nodeName: "n" }, "Succeeded"), 0);
  assert.equal(grace({ terminationGracePeriodSeconds: -5, nodeName: "n" }, "Running"), 1);
  assert.equal(grace({ terminationGracePeriodSeconds: 0, nodeName: "n" }, "Running", 60), 60);
  assert.equal(grace({ terminationGracePeriodSeconds: 30, nodeName: "n" }, "Running", 0), 0);
  assert.equal(grace({ terminationGracePeriodSeconds: 30 }, "Pending", 60), 0);
});

test("validateBinding: the target is a node by name", () => {
  const fields = (target: object): string[] => validateBinding({ target }).map((it) => it.field);
  assert.deepEqual(fields({ kind: "Node", name: "n" }), []);
  assert.deepEqual(fields({ kind: "Pod" }), ["target.kind", "target.name"]);
});

test("ephemeral containers: only they change, and they stay once there", () => {
  const previous = defaulted(pods, stored);
  const next = structuredClone(previous);
  next["spec"] = { ephemeralContainers: [{ name: "e", image: "a:1" }] };
  prepareEphemeralContainers(next, previous);
  assert.deepEqual(next["spec"], {
    ...(previous["spec"] as JsonObject),
    ephemeralContainers: [{ name: "e", image: "a:1" }],
  });
  assert.deepEqual(validateEphemeralContainersUpdate(next, previous), []);
  const fields = validateEphemeralContainersUpdate(previous, next).map((it) => it.field);
  assert.deepEqual(fields, ["spec.ephemeralContainers"]);
});

test("resize: only resources change, and the class stays", () => {
  const previous = defaulted(pods, stored);
  pods.prepareForCreate(previous, { now: "2026-01-01T00:00:00Z" });
  const bigger = withValue(previous, `${c}.resources.requests.cpu`, "200m");
  const next = withValue(bigger, `${c}.image`, "other:1");
  prepareResize(next, previous);
  const want = withValue(bigger, "metadata.generation", 2);
  assert.deepEqual(next, want);
  assert.deepEqual(validateResize(next, previous), []);
  const none = withValue(previous, `${c}.resources`, {});
  const fields = validateResize(none, previous).map((it) => it.field);
  assert.deepEqual(fields, [
    "spec",
    "spec.containers[0].resources.requests",
    "spec.containers[0].resources.limits",
  ]);
});
