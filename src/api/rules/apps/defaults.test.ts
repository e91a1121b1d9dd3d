import { testDefaults } from "#testing/kind-table.ts";

const template = { spec: { containers: [{ name: "c", image: "nginx:1" }] } };

testDefaults(
  "apps",
  "deployments",
  { spec: { template } },
  {
    "spec.replicas": 1,
    "spec.strategy": {
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" },
    },
    "spec.revisionHistoryLimit": 10,
    "spec.progressDeadlineSeconds": 600,
    "spec.template.spec.restartPolicy": "Always",
    "spec.template.spec.containers.0.imagePullPolicy": "IfNotPresent",
  },
);
testDefaults(
  "apps",
  "deployments",
  { spec: { replicas: 0, strategy: { type: "Recreate" }, template } },
  { "spec.replicas": 0, "spec.strategy": { type: "Recreate" } },
);
testDefaults("apps", "replicasets", { spec: { template } }, { "spec.replicas": 1 });
testDefaults(
  "apps",
  "daemonsets",
  { spec: { template } },
  {
    "spec.updateStrategy": {
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
    },
    "spec.revisionHistoryLimit": 10,
  },
);
testDefaults(
  "apps",
  "statefulsets",
  { spec: { template, volumeClaimTemplates: [{ metadata: { name: "a" } }] } },
  {
    "spec.replicas": 1,
    "spec.podManagementPolicy": "OrderedReady",
    "spec.updateStrategy": { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
    "spec.persistentVolumeClaimRetentionPolicy": { whenDeleted: "Retain", whenScaled: "Retain" },
    "spec.volumeClaimTemplates.0": {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "a" },
      spec: { resources: {}, volumeMode: "Filesystem" },
      status: { phase: "Pending" },
    },
  },
);
testDefaults(
  "",
  "replicationcontrollers",
  { spec: { template: { metadata: { labels: { a: "b" } }, ...template } } },
  { "spec.replicas": 1, "spec.selector": { a: "b" }, "metadata.labels": { a: "b" } },
);
testDefaults(
  "",
  "podtemplates",
  { template },
  { "template.spec.dnsPolicy": "ClusterFirst", "template.spec.restartPolicy": "Always" },
);
