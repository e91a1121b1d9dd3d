import { testDefaults } from "#testing/kind-table.ts";

testDefaults(
  "",
  "persistentvolumes",
  { spec: { hostPath: { path: "/x" } } },
  {
    "spec.persistentVolumeReclaimPolicy": "Retain",
    "spec.volumeMode": "Filesystem",
    "spec.hostPath.type": "",
  },
);
testDefaults(
  "",
  "persistentvolumeclaims",
  { spec: {} },
  { "spec.volumeMode": "Filesystem", "status.phase": "Pending" },
);
testDefaults(
  "storage.k8s.io",
  "storageclasses",
  { provisioner: "a/b" },
  { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
);
testDefaults(
  "storage.k8s.io",
  "csidrivers",
  { spec: {} },
  {
    spec: {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: "ReadWriteOnceWithFSType",
      volumeLifecycleModes: ["Persistent"],
      requiresRepublish: false,
      seLinuxMount: false,
    },
  },
);
