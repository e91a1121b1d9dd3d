import type { PersistentVolume, PersistentVolumeClaim } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import { labelSelectorOf, matchesLabels } from "#api/selector/label.ts";
import { matchesNodeSelector, type SelectedNode } from "#api/selector/node.ts";
import { classOfClaim, classOfVolume, isForClaim } from "./claims.ts";

export interface MatchOptions {
  /** The node of the consumer, which the volume must reach; undefined: any. */
  readonly node: SelectedNode | undefined;
  /** The choice waits for a consumer: only a volume that is reserved for the claim is taken. */
  readonly delayed: boolean;
  /** Volumes that others are about to take. */
  readonly isTaken?: (name: string) => boolean;
}

/**
 * The volume for a claim: the one that is reserved for it, or the smallest free one that satisfies
 * it, with the fewest access modes beyond what it needs. Undefined when there is none.
 * Upstream: component-helpers `storage/volume/pv_helpers.go`, FindMatchingVolume.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, delayed, isTaken = () => false }: MatchOptions,
): PersistentVolume | undefined {
  const reaches = (it: PersistentVolume): boolean =>
    node === undefined || matchesNodeSelector(it.spec?.nodeAffinity?.required, node);
  const reserved = volumes.find((it) => isForClaim(it, claim) && fault(it, claim) === undefined);
  if (reserved !== undefined) return reaches(reserved) ? reserved : undefined;
  if (delayed && node === undefined) return undefined;
  const fitting = volumes.filter(
    (it) => isFree(it) && !isTaken(nameOf(it)) && satisfies(it, claim) && reaches(it),
  );
  return fitting.toSorted(byFit)[0];
}

/** Why a volume cannot be the claim's whatever its class; undefined: it can. */
export function fault(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) return "volume is being deleted";
  const [has, wants] = [capacityOf(volume), requestOf(claim)];
  if (wants !== undefined && (has === undefined || has.compare(wants) < 0)) {
    return "requested PV is too small";
  }
  if (modeOf(volume) !== modeOf(claim)) return "incompatible volumeMode";
  const attributes = volume.spec?.volumeAttributesClassName ?? "";
  if (attributes !== (claim.spec?.volumeAttributesClassName ?? "")) {
    return "incompatible volumeAttributesClassName";
  }
  return undefined;
}

function modeOf(it: PersistentVolume | PersistentVolumeClaim): string {
  return it.spec?.volumeMode ?? "Filesystem";
}

/** As {@link fault}, for a volume that the claim asks for by name; the words are upstream's. */
export function nameFault(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  const found = fault(volume, claim);
  if (found !== undefined) return found;
  if (classOfVolume(volume) !== classOfClaim(claim)) return "storageClassName does not match";
  return hasModes(volume, claim) ? undefined : "incompatible accessMode";
}

function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (nameFault(volume, claim) !== undefined) return false;
  const { selector } = claim.spec ?? {};
  if (selector === undefined) return true;
  // Stored claims have valid selectors.
  return matchesLabels(labelSelectorOf(selector as JsonObject), volume.metadata?.labels);
}

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const has = volume.spec?.accessModes ?? [];
  return (claim.spec?.accessModes ?? []).every((it) => has.includes(it));
}

function isFree(volume: PersistentVolume): boolean {
  return volume.spec?.claimRef === undefined && volume.status?.phase === "Available";
}

function byFit(left: PersistentVolume, right: PersistentVolume): number {
  const modes = (left.spec?.accessModes ?? []).length - (right.spec?.accessModes ?? []).length;
  if (modes !== 0) return modes;
  const [a, b] = [capacityOf(left), capacityOf(right)];
  const size = a === undefined || b === undefined ? 0 : a.compare(b);
  return size === 0 ? nameOf(left).localeCompare(nameOf(right)) : size;
}

function nameOf(volume: PersistentVolume): string {
  return volume.metadata?.name ?? "";
}

/** What the volume holds; undefined when it does not say. */
export function capacityOf(volume: PersistentVolume): Quantity | undefined {
  return findQuantity(volume.spec?.capacity?.["storage"] ?? "");
}

/** What the claim asks for; undefined when it does not say. */
export function requestOf(claim: PersistentVolumeClaim): Quantity | undefined {
  return findQuantity(claim.spec?.resources?.requests?.["storage"] ?? "");
}
