import type { JsonObject } from "#api/object.ts";
import { testFaults, testUpdateFaults } from "#testing/kind-table.ts";

const group = "storage.k8s.io";
const metadata = { name: "a" };

const volume: JsonObject = {
  metadata,
  spec: {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    hostPath: { path: "/x" },
  },
};
testFaults("", "persistentvolumes", volume, [
  ["spec.accessModes", [], "Required spec.accessModes"],
  ["spec.accessModes", ["x"], "NotSupported spec.accessModes"],
  ["spec.capacity", {}, "Required spec.capacity ; NotSupported spec.capacity"],
  ["spec.hostPath", undefined, "Required spec ~ must specify a volume type"],
  [
    "spec.nfs",
    { server: "s", path: "/" },
    "Forbidden spec.nfs ~ may not specify more than 1 volume type",
  ],
  ["spec.persistentVolumeReclaimPolicy", "x", "NotSupported spec.persistentVolumeReclaimPolicy"],
]);
testUpdateFaults("", "persistentvolumes", volume, [
  ["spec.capacity.storage", "2Gi", ""],
  ["spec.hostPath.path", "/y", "Forbidden spec.persistentvolumesource ~ immutable after creation"],
]);

const claim: JsonObject = {
  metadata: { name: "a", namespace: "n" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
testFaults("", "persistentvolumeclaims", claim, [
  ["spec.accessModes", [], "Required spec.accessModes"],
  ["spec.resources", {}, "Required spec.resources[storage]"],
  ["spec.storageClassName", "A_b", "Invalid spec.storageClassName"],
]);
testUpdateFaults("", "persistentvolumeclaims", claim, [
  ["spec.volumeName", "v", ""],
  [
    "spec.accessModes",
    ["ReadOnlyMany"],
    "Forbidden spec ~ spec is immutable after creation except",
  ],
]);

const storageClass: JsonObject = { metadata, provisioner: "a.b/c" };
testFaults(group, "storageclasses", storageClass, [
  ["provisioner", "", "Required provisioner"],
  ["reclaimPolicy", "x", "NotSupported reclaimPolicy"],
  ["volumeBindingMode", "x", "NotSupported volumeBindingMode"],
]);
testUpdateFaults(group, "storageclasses", storageClass, [
  ["allowVolumeExpansion", true, ""],
  ["provisioner", "d", "Invalid provisioner ~ field is immutable"],
]);

testFaults(group, "csidrivers", { metadata, spec: {} }, [
  ["spec.fsGroupPolicy", "x", "NotSupported spec.fsGroupPolicy"],
  [
    "spec.tokenRequests",
    [{ audience: "a", expirationSeconds: 5 }],
    "Invalid spec.tokenRequests[0].expirationSeconds",
  ],
]);
testFaults(group, "csinodes", { metadata, spec: { drivers: [{ name: "a.b", nodeID: "n" }] } }, [
  ["spec.drivers.0.nodeID", "", "Required spec.drivers[0].nodeID"],
  ["spec.drivers.0.name", "", "Required spec.drivers[0].name"],
]);
const attachment: JsonObject = {
  metadata,
  spec: { attacher: "a.b", nodeName: "n", source: { persistentVolumeName: "v" } },
};
testFaults(group, "volumeattachments", attachment, [
  ["spec.attacher", "", "Required spec.attacher"],
  ["spec.source", {}, "Required spec.source"],
]);
testUpdateFaults(group, "volumeattachments", attachment, [
  ["spec.nodeName", "m", "Invalid spec ~ field is immutable"],
]);
testFaults(
  group,
  "volumeattributesclasses",
  { metadata, driverName: "a.b", parameters: { a: "b" } },
  [["parameters", {}, "Required parameters ~ must contain at least one key/value pair"]],
);
