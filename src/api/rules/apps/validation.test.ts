import type { JsonObject } from "#api/object.ts";
import { testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const template = {
  metadata: { labels: { a: "b" } },
  spec: { containers: [{ name: "c", image: "nginx:1" }] },
};
const valid: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: { selector: { matchLabels: { a: "b" } }, template },
};

testFaults("apps", "deployments", valid, [
  ["spec.replicas", -1, "Invalid spec.replicas ~ must be greater than or equal to 0"],
  ["spec.selector", undefined, "Required spec.selector"],
  ["spec.selector", {}, "Invalid spec.selector ~ empty selector is invalid for deployment"],
  [
    "spec.selector.matchLabels",
    { x: "y" },
    "Invalid spec.template.metadata.labels ~ `selector` does not match template `labels`",
  ],
  ["spec.template.spec.containers.0.name", "", "Required spec.template.spec.containers[0].name"],
  [
    "spec.template.spec.restartPolicy",
    "Never",
    'NotSupported spec.template.spec.restartPolicy ~ supported values: "Always"',
  ],
  [
    "spec.template.spec.activeDeadlineSeconds",
    5,
    "Forbidden spec.template.spec.activeDeadlineSeconds ~ activeDeadlineSeconds in ReplicaSet is not Supported",
  ],
  ["spec.strategy", { type: "x" }, "NotSupported spec.strategy"],
  [
    "spec.strategy",
    { type: "Recreate", rollingUpdate: {} },
    "Forbidden spec.strategy.rollingUpdate ~ may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    "spec.strategy",
    { rollingUpdate: { maxUnavailable: 0, maxSurge: "0%" } },
    "Invalid spec.strategy.rollingUpdate.maxUnavailable ~ may not be 0 when `maxSurge` is 0",
  ],
  [
    "spec.strategy",
    { rollingUpdate: { maxUnavailable: "101%" } },
    "Invalid spec.strategy.rollingUpdate.maxUnavailable ~ must not be greater than 100%",
  ],
  [
    "spec.progressDeadlineSeconds",
    0,
    "Invalid spec.progressDeadlineSeconds ~ must be greater than minReadySeconds",
  ],
]);

testUpdateFaults("apps", "deployments", valid, [
  ["spec.replicas", 5, ""],
  ["spec.selector.matchLabels", { x: "y" }, "Invalid spec.selector ~ field is immutable"],
]);

testFaults("apps", "replicasets", valid, [
  ["spec.minReadySeconds", -1, "Invalid spec.minReadySeconds"],
  ["spec.selector", {}, "Invalid spec.selector ~ empty selector is invalid for deployment"],
]);

testFaults("apps", "daemonsets", valid, [
  ["spec.selector", {}, "Invalid spec.selector ~ empty selector is invalid for daemonset"],
  ["spec.updateStrategy", { type: "x" }, "NotSupported spec.updateStrategy"],
  ["spec.updateStrategy", { type: "OnDelete" }, ""],
  [
    "spec.updateStrategy",
    { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } },
    "Required spec.updateStrategy.rollingUpdate.maxUnavailable ~ cannot be 0 when maxSurge is 0",
  ],
  [
    "spec.updateStrategy",
    { rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
    "Invalid spec.updateStrategy.rollingUpdate.maxSurge ~ may not be set when maxUnavailable is non-zero",
  ],
]);

const claim = {
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
const stateful: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: {
    serviceName: "a",
    selector: { matchLabels: { a: "b" } },
    volumeClaimTemplates: [claim],
    template: {
      metadata: { labels: { a: "b" } },
      spec: {
        containers: [
          { name: "c", image: "nginx:1", volumeMounts: [{ name: "data", mountPath: "/data" }] },
        ],
      },
    },
  },
};

testFaults("apps", "statefulsets", stateful, [
  [
    "spec.podManagementPolicy",
    "x",
    "Invalid spec.podManagementPolicy ~ must be 'OrderedReady' or 'Parallel'",
  ],
  [
    "spec.updateStrategy",
    { type: "OnDelete", rollingUpdate: { partition: 1 } },
    "Invalid spec.updateStrategy.rollingUpdate ~ only allowed for updateStrategy 'RollingUpdate'",
  ],
  [
    "spec.updateStrategy",
    { type: "RollingUpdate", rollingUpdate: { partition: -1 } },
    "Invalid spec.updateStrategy.rollingUpdate.partition",
  ],
  ["spec.serviceName", "A_b", "Invalid spec.serviceName"],
  ["spec.ordinals", { start: -1 }, "Invalid spec.ordinals.start"],
  [
    "spec.volumeClaimTemplates.0.spec.accessModes",
    [],
    "Required spec.volumeClaimTemplates[0].spec.accessModes ~ at least 1 access mode is required",
  ],
  [
    "spec.volumeClaimTemplates.0.metadata.name",
    "other",
    "NotFound spec.template.spec.containers[0].volumeMounts[0].name",
  ],
]);

testUpdateFaults("apps", "statefulsets", stateful, [
  ["spec.replicas", 3, ""],
  ["spec.template.spec.containers.0.image", "nginx:2", ""],
  ["spec.serviceName", "b", "Forbidden spec ~ updates to statefulset spec for fields other than"],
]);

const revision: JsonObject = { metadata: { name: "a" }, data: { a: 1 }, revision: 1 };
testFaults("apps", "controllerrevisions", revision, [
  ["data", undefined, "Required data ~ data is mandatory"],
  ["revision", -1, "Invalid revision"],
]);
testUpdateFaults("apps", "controllerrevisions", revision, [
  ["revision", 2, ""],
  ["data", { a: 2 }, "Invalid data ~ field is immutable"],
]);

const controller: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: { selector: { a: "b" }, template },
};
testFaults("", "replicationcontrollers", controller, [
  ["spec.template", undefined, "Required spec.template"],
  ["spec.replicas", -1, "Invalid spec.replicas"],
  ["spec.selector", { x: "y" }, "Invalid spec.template.metadata.labels"],
]);
