import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "#api/gen/types.ts";
import {
  annotationOf,
  bindCompleted,
  boundByController,
  classOfClaim,
  isForClaim,
  namesNoClass,
  provisionedBy,
  selectedNode,
} from "#api/volumes/claims.ts";
import { findVolume, nameFault } from "#api/volumes/matching.ts";

export interface PlannedEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** The next step for a claim. */
export type ClaimPlan =
  | { readonly kind: "none" }
  | { readonly kind: "bind"; readonly volume: PersistentVolume }
  /** The claim takes the cluster's default class. */
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "provision"; readonly provisioner: string; readonly event: PlannedEvent }
  /** An event of a claim that becomes lost is told once, others whenever the claim is looked at. */
  | {
      readonly kind: "phase";
      readonly phase: "Pending" | "Lost";
      readonly event?: PlannedEvent;
    };

/** The cluster as the binder of one claim sees it. */
export interface ClaimWorld {
  readonly volumes: readonly PersistentVolume[];
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  /** Name of the newest default class. */
  readonly defaultClass: string | undefined;
  /** Pods that use the claim and have no node yet. */
  readonly waitingPods: readonly string[];
}

/** Upstream: `pkg/controller/volume/persistentvolume/pv_controller.go`, syncClaim. */
export function planClaim(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimPlan {
  if (annotationOf(claim, bindCompleted) !== undefined) return planBound(claim, world);
  const name = claim.spec?.volumeName ?? "";
  return name === "" ? planUnbound(claim, world) : planNamed(claim, name, world);
}

function planUnbound(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimPlan {
  const storageClass = world.storageClass(classOfClaim(claim));
  const delayed =
    storageClass?.volumeBindingMode === "WaitForFirstConsumer" &&
    annotationOf(claim, selectedNode) === undefined;
  const found = findVolume(claim, world.volumes, { node: undefined, delayed });
  if (found !== undefined) return { kind: "bind", volume: found };
  if (namesNoClass(claim) && world.defaultClass !== undefined) {
    return { kind: "class", name: world.defaultClass };
  }
  if (delayed) return pending(waitingEvent(world.waitingPods));
  if (classOfClaim(claim) !== "") return planProvision(classOfClaim(claim), storageClass);
  const message = "no persistent volumes available for this claim and no storage class is set";
  return pending({ type: "Normal", reason: "FailedBinding", message });
}

function waitingEvent(pods: readonly string[]): PlannedEvent {
  if (pods.length === 0) {
    const message = "waiting for first consumer to be created before binding";
    return { type: "Normal", reason: "WaitForFirstConsumer", message };
  }
  const message = `waiting for pod${pods.length > 1 ? "s" : ""} ${pods.join(",")} to be scheduled`;
  return { type: "Normal", reason: "WaitForPodScheduled", message };
}

function planProvision(name: string, storageClass: StorageClass | undefined): ClaimPlan {
  if (storageClass === undefined) {
    const message = `storageclass.storage.k8s.io "${name}" not found`;
    return pending({ type: "Warning", reason: "ProvisioningFailed", message });
  }
  const { provisioner } = storageClass;
  if (provisioner.startsWith("kubernetes.io/")) {
    const message = "no volume plugin matched";
    return pending({ type: "Warning", reason: "ProvisioningFailed", message });
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  const event: PlannedEvent = { type: "Normal", reason: "ExternalProvisioning", message };
  return { kind: "provision", provisioner, event };
}

function planNamed(claim: PersistentVolumeClaim, name: string, world: ClaimWorld): ClaimPlan {
  const volume = world.volume(name);
  if (volume === undefined) return pending();
  if (isForClaim(volume, claim)) return { kind: "bind", volume };
  if (volume.spec?.claimRef === undefined) {
    const fault = nameFault(volume, claim);
    if (fault === undefined) return { kind: "bind", volume };
    const message = `Cannot bind to requested volume "${name}": ${fault}`;
    return pending({ type: "Warning", reason: "VolumeMismatch", message });
  }
  const { namespace = "", name: other = "" } = volume.spec.claimRef;
  const message = `volume "${name}" already bound to a different claim.`;
  const owner = `${namespace}/${other}`;
  return pending({ type: "Warning", reason: "FailedBinding", message: `${message} (${owner})` });
}

function planBound(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimPlan {
  const name = claim.spec?.volumeName ?? "";
  if (name === "") {
    const message =
      "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
    return lost("ClaimLost", message);
  }
  const volume = world.volume(name);
  if (volume === undefined) {
    const message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
    return lost("ClaimLost", message);
  }
  if (volume.spec?.claimRef === undefined || isForClaim(volume, claim)) {
    return { kind: "bind", volume };
  }
  const message = "Two claims are bound to the same volume, this one is bound incorrectly";
  return lost("ClaimMisbound", message);
}

function pending(event?: PlannedEvent): ClaimPlan {
  return { kind: "phase", phase: "Pending", ...(event === undefined ? {} : { event }) };
}

function lost(reason: string, message: string): ClaimPlan {
  return { kind: "phase", phase: "Lost", event: { type: "Warning", reason, message } };
}

/** The next step for a volume. */
export type VolumePlan =
  | { readonly kind: "none" }
  | { readonly kind: "phase"; readonly phase: VolumePhase; readonly event?: PlannedEvent }
  /** Its claim went elsewhere: it is free again. */
  | { readonly kind: "unbind" };

type VolumePhase = "Available" | "Bound" | "Released" | "Failed";

/**
 * @param claim the claim that the volume's `claimRef` names by its uid; undefined: there is none.
 * Upstream: syncVolume and reclaimVolume.
 */
export function planVolume(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
): VolumePlan {
  const ref = volume.spec?.claimRef;
  if (ref === undefined || (ref.uid ?? "") === "") return phase(volume, "Available");
  if (claim === undefined) return planReclaim(volume);
  const bound = claim.spec?.volumeName ?? "";
  // The claim's own look finishes the binding.
  if (bound === "") return { kind: "none" };
  if (bound === volume.metadata?.name) return phase(volume, "Bound");
  const isDisposable =
    annotationOf(volume, provisionedBy) !== undefined &&
    volume.spec?.persistentVolumeReclaimPolicy === "Delete";
  return isDisposable ? planReclaim(volume) : { kind: "unbind" };
}

function planReclaim(volume: PersistentVolume): VolumePlan {
  const current = volume.status?.phase;
  if (current === "Failed") return { kind: "none" };
  if (current !== "Released") return { kind: "phase", phase: "Released" };
  const event = reclaimFault(volume);
  return event === undefined ? { kind: "none" } : { kind: "phase", phase: "Failed", event };
}

/** Why nobody reclaims the volume; undefined: it is kept, or its provisioner deletes it. */
function reclaimFault(volume: PersistentVolume): PlannedEvent | undefined {
  const { persistentVolumeReclaimPolicy: policy, csi } = volume.spec ?? {};
  if (policy === "Recycle") {
    const message = "No recycler plugin found for the volume!";
    return { type: "Warning", reason: "VolumeFailedRecycle", message };
  }
  const provisioner = annotationOf(volume, provisionedBy) ?? "";
  const isExternal = provisioner !== "" && !provisioner.startsWith("kubernetes.io/");
  if (policy !== "Delete" || isExternal || csi !== undefined) return undefined;
  const name = volume.metadata?.name ?? "";
  const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
  return { type: "Warning", reason: "VolumeFailedDelete", message };
}

function phase(volume: PersistentVolume, wanted: VolumePhase): VolumePlan {
  return volume.status?.phase === wanted ? { kind: "none" } : { kind: "phase", phase: wanted };
}

/** The volume reserved for the claim; undefined when it is already. */
export function volumeForClaim(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): PersistentVolume | undefined {
  const { name, namespace, uid, resourceVersion } = claim.metadata ?? {};
  const ref = volume.spec?.claimRef;
  if (ref?.uid === uid && uid !== undefined) return undefined;
  const annotations =
    ref === undefined
      ? { ...volume.metadata?.annotations, [boundByController]: "yes" }
      : volume.metadata?.annotations;
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: {
      ...volume.spec,
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace,
        name,
        uid,
        resourceVersion,
      },
    },
  };
}

/** The claim with its volume's name; undefined when it has it. */
export function claimForVolume(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const isNamed = (claim.spec?.volumeName ?? "") !== "";
  const isDone = annotationOf(claim, bindCompleted) !== undefined;
  if (isNamed && isDone) return undefined;
  const annotations = {
    ...claim.metadata?.annotations,
    ...(isNamed ? {} : { [boundByController]: "yes" }),
    [bindCompleted]: "yes",
  };
  return {
    ...claim,
    metadata: { ...claim.metadata, annotations },
    spec: { ...claim.spec, volumeName: volume.metadata?.name ?? "" },
  };
}

/** The status of a claim that is bound; undefined when it has it. */
export function boundStatus(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim["status"] {
  const { status = {} } = claim;
  const { accessModes = [], capacity, volumeAttributesClassName } = volume.spec ?? {};
  if (status.phase === "Bound") {
    // A capacity that grows later is the resizer's to write.
    const same = JSON.stringify(status.accessModes ?? []) === JSON.stringify(accessModes);
    return same ? undefined : { ...status, accessModes };
  }
  return {
    ...status,
    phase: "Bound",
    accessModes,
    capacity,
    ...(volumeAttributesClassName === undefined
      ? {}
      : { currentVolumeAttributesClassName: volumeAttributesClassName }),
  };
}
