import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  Volume,
} from "#api/gen/types.ts";
import { matchesNodeSelector, type SelectedNode } from "#api/selector/node.ts";
import {
  annotationOf,
  claimNameOf,
  classOfClaim,
  isFullyBound,
  isOwnedByPod,
  noProvisioner,
  notOwnedMessage,
  selectedNode,
} from "#api/volumes/claims.ts";
import { findVolume, requestOf } from "#api/volumes/matching.ts";

/** Messages as upstream's plugin words them (`plugins/volumebinding/binder.go`). */
export const nodeConflict = "node(s) didn't match PersistentVolume's node affinity";
export const bindConflict = "node(s) didn't find available persistent volumes to bind";
export const missingVolume =
  "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
export const exclusiveConflict =
  "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";

/** Claims and volumes as a decision sees them. */
export interface StorageView {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  readonly volumes: readonly PersistentVolume[];
  /** Volumes promised to other pods whose bindings are under way. */
  isTaken(volume: string): boolean;
  /** Whether another pod that has a node uses the claim. */
  isInUse(claim: PersistentVolumeClaim, pod: Pod): boolean;
}

/** What a pod's claims ask of its node. */
export interface VolumeRules {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Wait for this decision; the smallest request first. */
  readonly unbound: readonly PersistentVolumeClaim[];
  /** A claim for one pod alone that another pod has. */
  readonly isExcluded: boolean;
}

export type PodVolumes =
  | { readonly kind: "none" }
  /** No node will do until something else happens; `message` says what is missing. */
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "rules"; readonly rules: VolumeRules };

/** Upstream: `plugins/volumebinding/volume_binding.go`, PreFilter. */
export function podVolumesOf(pod: Pod, view: StorageView): PodVolumes {
  const bound: PersistentVolumeClaim[] = [];
  const unbound: PersistentVolumeClaim[] = [];
  let isImmediate = false;
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const claim = view.claim(pod.metadata?.namespace ?? "", name);
    const message = claimFault(pod, volume, { claim, name });
    if (message !== undefined) return { kind: "refused", message };
    if (claim === undefined) continue;
    if (isFullyBound(claim)) bound.push(claim);
    else if (isDelayed(claim, view)) unbound.push(claim);
    else isImmediate = true;
  }
  if (isImmediate) {
    return { kind: "refused", message: "pod has unbound immediate PersistentVolumeClaims" };
  }
  if (bound.length + unbound.length === 0) return { kind: "none" };
  const isExcluded = [...bound, ...unbound].some(
    (it) => (it.spec?.accessModes ?? []).includes("ReadWriteOncePod") && view.isInUse(it, pod),
  );
  return { kind: "rules", rules: { bound, unbound: unbound.toSorted(byRequest), isExcluded } };
}

function claimFault(
  pod: Pod,
  volume: Volume,
  { claim, name }: { readonly claim: PersistentVolumeClaim | undefined; readonly name: string },
): string | undefined {
  const isEphemeral = volume.ephemeral !== undefined;
  if (claim === undefined) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === "Lost") {
    const lost = claim.spec?.volumeName ?? "";
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${lost}"`;
  }
  if (claim.metadata?.deletionTimestamp !== undefined) {
    return `persistentvolumeclaim "${name}" is being deleted`;
  }
  return isEphemeral && !isOwnedByPod(claim, pod) ? notOwnedMessage(claim, pod) : undefined;
}

function isDelayed(claim: PersistentVolumeClaim, view: StorageView): boolean {
  if ((claim.spec?.volumeName ?? "") !== "") return false;
  const storageClass = view.storageClass(classOfClaim(claim));
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}

function byRequest(left: PersistentVolumeClaim, right: PersistentVolumeClaim): number {
  const [a, b] = [requestOf(left), requestOf(right)];
  return a === undefined || b === undefined ? 0 : a.compare(b);
}

/** Why the pod's volumes keep it off the node; undefined: it may go there. */
export function volumeFault(
  rules: VolumeRules,
  node: SelectedNode,
  view: StorageView,
): string | undefined {
  if (rules.isExcluded) return exclusiveConflict;
  for (const claim of rules.bound) {
    const volume = view.volume(claim.spec?.volumeName ?? "");
    if (volume === undefined) return missingVolume;
    if (!matchesNodeSelector(volume.spec?.nodeAffinity?.required, node)) return nodeConflict;
  }
  return planBindings(rules, node, view) === undefined ? bindConflict : undefined;
}

/** What is to be written so that a claim is bound on the chosen node. */
export type BindingStep =
  | {
      readonly kind: "bind";
      readonly claim: PersistentVolumeClaim;
      readonly volume: PersistentVolume;
    }
  | { readonly kind: "provision"; readonly claim: PersistentVolumeClaim };

/** A volume for each unbound claim, there or to be made; undefined when one cannot be had. */
export function planBindings(
  rules: VolumeRules,
  node: SelectedNode,
  view: StorageView,
): readonly BindingStep[] | undefined {
  const steps: BindingStep[] = [];
  const chosen = new Set<string>();
  const isTaken = (name: string): boolean => chosen.has(name) || view.isTaken(name);
  for (const claim of rules.unbound) {
    const selected = annotationOf(claim, selectedNode);
    if (selected !== undefined) {
      // Another pod's decision, or an earlier one of ours: its volume is being made there.
      if (selected !== node.name) return undefined;
      steps.push({ kind: "provision", claim });
      continue;
    }
    const volume = findVolume(claim, view.volumes, { node, delayed: true, isTaken });
    if (volume !== undefined) {
      chosen.add(volume.metadata?.name ?? "");
      steps.push({ kind: "bind", claim, volume });
    } else if (canProvision(view.storageClass(classOfClaim(claim)), node)) {
      steps.push({ kind: "provision", claim });
    } else {
      return undefined;
    }
  }
  return steps;
}

function canProvision(storageClass: StorageClass | undefined, node: SelectedNode): boolean {
  if (storageClass === undefined) return false;
  if (storageClass.provisioner === "" || storageClass.provisioner === noProvisioner) return false;
  const terms = storageClass.allowedTopologies ?? [];
  if (terms.length === 0) return true;
  return terms.some((term) =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) =>
      values.includes(node.labels[key] ?? ""),
    ),
  );
}
