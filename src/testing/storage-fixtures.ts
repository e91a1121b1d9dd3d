import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  Pod,
  StorageClass,
  Volume,
} from "#api/gen/types.ts";
import type { Metadata } from "#api/object.ts";

/** A claim for 1Gi of the class `fast`, named `c`, in namespace `ns`. */
export function claimOf(
  spec: Partial<PersistentVolumeClaimSpec> & { readonly size?: string } = {},
  more: Pick<PersistentVolumeClaim, "status"> & { readonly metadata?: Metadata } = {},
): PersistentVolumeClaim {
  const { size = "1Gi", ...rest } = spec;
  return {
    metadata: { namespace: "ns", name: "c", uid: "uid-c", ...more.metadata },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      resources: { requests: { storage: size } },
      ...rest,
    },
    status: more.status ?? { phase: "Pending" },
  };
}

/** A free volume of the class `fast` with 1Gi. */
export function volumeOf(
  name: string,
  spec: Partial<PersistentVolumeSpec> & { readonly size?: string } = {},
  more: { readonly metadata?: Metadata; readonly phase?: string } = {},
): PersistentVolume {
  const { size = "1Gi", ...rest } = spec;
  return {
    metadata: { name, ...more.metadata },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: size },
      storageClassName: "fast",
      persistentVolumeReclaimPolicy: "Retain",
      ...rest,
    },
    status: { phase: more.phase ?? "Available" },
  };
}

/** A reference to {@link claimOf}'s claim. */
export const refToClaim = { namespace: "ns", name: "c", uid: "uid-c" } as const;

export function classOf(more: Partial<StorageClass> = {}): StorageClass {
  return { metadata: { name: "fast" }, provisioner: "example.com/disk", ...more };
}

/** A pod `p` in namespace `ns` with these volumes. */
export function podWith(volumes: readonly Volume[], more: Partial<Pod> = {}): Pod {
  const metadata = { namespace: "ns", name: "p", uid: "uid-p", ...more.metadata };
  return { ...more, metadata, spec: { containers: [], volumes, ...more.spec } };
}

export function claimVolume(claimName: string): Volume {
  return { name: "v", persistentVolumeClaim: { claimName } };
}

/** Only on nodes whose hostname is one of these. */
export function onNodes(...values: readonly string[]): PersistentVolumeSpec["nodeAffinity"] {
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values }];
  return { required: { nodeSelectorTerms: [{ matchExpressions }] } };
}

/** A node that is ready, or not. */
export function nodeNamed(name: string, isReady = true): Node {
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    status: { conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
  };
}
