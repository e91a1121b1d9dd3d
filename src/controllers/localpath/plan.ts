import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  TopologySelectorTerm,
} from "#api/gen/types.ts";
import {
  annotationOf,
  localPathProvisioner,
  provisionedBy,
  selectedNode,
  storageProvisioner,
} from "#api/volumes/claims.ts";
import { capacityOf, requestOf } from "#api/volumes/matching.ts";

/** Holds a volume until its directory is gone from its node. */
export const directoryFinalizer = "gantry.dev/local-path";

/** What is to be done for a claim. */
export type ClaimPlan =
  | { readonly kind: "none" }
  | {
      readonly kind: "provision";
      readonly node: string;
      readonly storageClass: StorageClass;
    }
  /** `reschedule`: the scheduler is to choose another node. */
  | { readonly kind: "refuse"; readonly message: string; readonly reschedule: boolean }
  /** The claim was given more: to be written into volume and claim. */
  | { readonly kind: "grow"; readonly volume: PersistentVolume; readonly storage: string };

export interface ClaimWorld {
  readonly storageClass: StorageClass | undefined;
  readonly nodes: readonly Node[];
  /** The volume that the claim is bound to. */
  readonly volume: PersistentVolume | undefined;
  /** Volumes of ours by node, to spread those that no consumer places. */
  readonly volumesOn: (node: string) => number;
}

export function planClaim(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimPlan {
  if (claim.metadata?.deletionTimestamp !== undefined) return { kind: "none" };
  if ((claim.spec?.volumeName ?? "") !== "") return planGrowth(claim, world.volume);
  const { storageClass } = world;
  if (storageClass?.provisioner !== localPathProvisioner) return { kind: "none" };
  // The binder found no volume that is there already.
  if (annotationOf(claim, storageProvisioner) !== localPathProvisioner) return { kind: "none" };
  return planProvision(claim, storageClass, world);
}

function planProvision(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  world: ClaimWorld,
): ClaimPlan {
  const selected = annotationOf(claim, selectedNode);
  const isLate = storageClass.volumeBindingMode === "WaitForFirstConsumer";
  if (isLate && selected === undefined) return { kind: "none" };
  const fault = claimFault(claim, storageClass);
  if (fault !== undefined) return { kind: "refuse", message: fault, reschedule: false };
  if (selected === undefined) return planPlace(storageClass, world);
  const node = world.nodes.find((it) => it.metadata?.name === selected);
  if (node !== undefined && isAllowed(storageClass, node)) {
    return { kind: "provision", node: selected, storageClass };
  }
  const message =
    node === undefined
      ? `node "${selected}" not found`
      : `node "${selected}" is not among the allowed topologies of the class`;
  return { kind: "refuse", message, reschedule: true };
}

/** Immediate classes: the ready node with the fewest volumes. */
function planPlace(storageClass: StorageClass, world: ClaimWorld): ClaimPlan {
  const open = world.nodes
    .filter((it) => isOpen(it) && isAllowed(storageClass, it))
    .map((it) => ({
      node: it.metadata?.name ?? "",
      count: world.volumesOn(it.metadata?.name ?? ""),
    }))
    .sort((a, b) => a.count - b.count || a.node.localeCompare(b.node));
  const [best] = open;
  if (best !== undefined) return { kind: "provision", node: best.node, storageClass };
  return { kind: "refuse", message: "no node is ready for a volume", reschedule: false };
}

function isOpen(node: Node): boolean {
  if (node.spec?.unschedulable === true || node.metadata?.deletionTimestamp !== undefined) {
    return false;
  }
  return (
    node.status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") === true
  );
}

function isAllowed({ allowedTopologies = [] }: StorageClass, node: Node): boolean {
  return allowedTopologies.length === 0 || allowedTopologies.some((it) => selects(it, node));
}

function selects(term: TopologySelectorTerm, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  const expressions = term.matchLabelExpressions ?? [];
  return expressions.every(({ key, values }) => values.includes(labels[key] ?? ""));
}

/** Why a directory on one node cannot be what is asked for. */
function claimFault(
  claim: PersistentVolumeClaim,
  { parameters = {} }: StorageClass,
): string | undefined {
  const { accessModes = [], volumeMode, selector, dataSource, dataSourceRef } = claim.spec ?? {};
  const one = ["ReadWriteOnce", "ReadWriteOncePod"];
  const [mode] = accessModes.filter((it) => !one.includes(it));
  if (mode !== undefined) {
    return `access mode ${mode} is not supported: the volume is a directory on one node; ask for ReadWriteOnce or ReadWriteOncePod`;
  }
  if (volumeMode === "Block") return "volumeMode Block is not supported; ask for Filesystem";
  if (selector !== undefined) return "a claim with a selector cannot be provisioned for";
  if (dataSource !== undefined || dataSourceRef !== undefined) {
    return "data sources are not supported";
  }
  const [parameter] = Object.keys(parameters);
  return parameter === undefined
    ? undefined
    : `the class has the unknown parameter "${parameter}"; this provisioner takes none`;
}

function planGrowth(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimPlan {
  if (volume === undefined || !isOurs(volume)) return { kind: "none" };
  const isItsOwn = volume.spec?.claimRef?.uid === claim.metadata?.uid;
  if (claim.status?.phase !== "Bound" || !isItsOwn) return { kind: "none" };
  if (!wantsMore(claim)) return { kind: "none" };
  const storage = claim.spec?.resources?.requests?.["storage"] ?? "";
  return { kind: "grow", volume, storage };
}

function wantsMore(claim: PersistentVolumeClaim): boolean {
  const wanted = requestOf(claim);
  const has = capacityOf({ spec: { capacity: claim.status?.capacity } });
  return wanted !== undefined && has !== undefined && wanted.compare(has) > 0;
}

export function isOurs(volume: PersistentVolume): boolean {
  return annotationOf(volume, provisionedBy) === localPathProvisioner;
}

/** What is to be done with a volume of ours. */
export type VolumePlan =
  | { readonly kind: "none" }
  /** Ask for its deletion, which {@link directoryFinalizer} holds until the directory is gone. */
  | { readonly kind: "delete" }
  /** The object goes; with `removes` the directory goes first. */
  | { readonly kind: "finish"; readonly removes: boolean };

export function planVolume(volume: PersistentVolume): VolumePlan {
  const { metadata = {}, spec = {}, status = {} } = volume;
  if (!isOurs(volume)) return { kind: "none" };
  const isFree = status.phase === "Released" || status.phase === "Failed";
  const isDisposable = spec.persistentVolumeReclaimPolicy === "Delete";
  if (metadata.deletionTimestamp === undefined) {
    return isFree && isDisposable ? { kind: "delete" } : { kind: "none" };
  }
  if (!(metadata.finalizers ?? []).includes(directoryFinalizer)) return { kind: "none" };
  // While a claim has it, the protection of volumes holds it as well.
  if (status.phase === "Bound") return { kind: "none" };
  return { kind: "finish", removes: isDisposable };
}

/** The volume for a claim on a node; `path` is its directory there. */
export function volumeFor(
  claim: PersistentVolumeClaim,
  place: { readonly node: string; readonly path: string; readonly hostname: string },
  storageClass: StorageClass,
): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata ?? {};
  const values = [place.hostname];
  const expression = { key: "kubernetes.io/hostname", operator: "In", values };
  return {
    metadata: {
      name: volumeNameOf(claim),
      annotations: { [provisionedBy]: localPathProvisioner, [selectedNode]: place.node },
      finalizers: [directoryFinalizer],
    },
    spec: {
      accessModes: claim.spec?.accessModes,
      capacity: { storage: claim.spec?.resources?.requests?.["storage"] ?? "0" },
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        name,
        namespace,
        uid,
        resourceVersion,
      },
      local: { path: place.path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: storageClass.metadata?.name ?? "",
      volumeMode: "Filesystem",
    },
  };
}

/** The same at each attempt, so that a repeat meets what is there. */
export function volumeNameOf(claim: PersistentVolumeClaim): string {
  return `pvc-${claim.metadata?.uid ?? ""}`;
}

/** The node on which the volume's directory is. */
export function nodeOfVolume(volume: PersistentVolume): string {
  return annotationOf(volume, selectedNode) ?? "";
}
