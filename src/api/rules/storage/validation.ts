import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  StorageClass,
  TopologySelectorTerm,
  VolumeAttachment,
  VolumeAttributesClass,
} from "#api/gen/types.ts";
import { dns1123SubdomainFaults, qualifiedNameFaults } from "#api/names.ts";
import { findQuantity } from "#api/quantity.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import { checkNodeSelector } from "#api/rules/pod/scheduling.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkAccessModes, checkClaimSpec, checkStorage } from "./claims.ts";
import { checkCsiDriverName } from "./driver-name.ts";

/** What a volume has besides its source. */
const plainVolumeFields = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

function sourcesOf(spec: Loose<PersistentVolumeSpec>): string[] {
  return Object.keys(spec).filter((it) => !plainVolumeFields.has(it));
}

/** Upstream: `ValidatePersistentVolume`. */
export function validatePersistentVolume(volume: Loose<PersistentVolume>, at: Faults): void {
  const spec = volume.spec ?? {};
  const modes = spec.accessModes ?? [];
  at.enter("spec");
  if (modes.length === 0) at.required("accessModes");
  checkAccessModes(modes, at);
  checkCapacity(spec, at);
  at.optionalOneOf("persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
    "Delete",
    "Recycle",
    "Retain",
  ]);
  checkAffinity(spec, at);
  checkSource(spec, at);
  const name = spec.storageClassName ?? "";
  if (name !== "") at.invalidAll("storageClassName", name, dns1123SubdomainFaults(name));
  at.optionalOneOf("volumeMode", spec.volumeMode, ["Block", "Filesystem"]);
  at.leave();
}

function checkCapacity(spec: Loose<PersistentVolumeSpec>, at: Faults): void {
  const capacity = spec.capacity ?? {};
  const names = Object.keys(capacity);
  if (names.length === 0) at.required("capacity");
  if (capacity["storage"] === undefined || names.length > 1) {
    at.notSupported("capacity", capacity, ["storage"]);
  }
  for (const name of names) checkStorage(`capacity[${name}]`, capacity[name], at);
}

function checkAffinity(spec: Loose<PersistentVolumeSpec>, at: Faults): void {
  const affinity = spec.nodeAffinity;
  if (affinity === undefined) {
    if (spec.local !== undefined)
      at.required("nodeAffinity", "Local volume requires node affinity");
    return;
  }
  at.enter("nodeAffinity");
  if (affinity.required === undefined) {
    at.required("required", "must specify required node constraints");
  } else {
    at.enter("required");
    checkNodeSelector(affinity.required, at);
    at.leave();
  }
  at.leave();
}

function checkSource(spec: Loose<PersistentVolumeSpec>, at: Faults): void {
  const sources = sourcesOf(spec);
  if (sources.length === 0) at.required("", "must specify a volume type");
  for (const it of sources.slice(1)) at.forbidden(it, "may not specify more than 1 volume type");
  if (spec.hostPath !== undefined && (spec.hostPath.path ?? "") === "") {
    at.required("hostPath.path");
  }
  if (spec.local !== undefined && (spec.local.path ?? "") === "") at.required("local.path");
  checkNetworkSource(spec, at);
}

function checkNetworkSource(spec: Loose<PersistentVolumeSpec>, at: Faults): void {
  if (spec.nfs !== undefined) {
    if ((spec.nfs.server ?? "") === "") at.required("nfs.server");
    if ((spec.nfs.path ?? "") === "") at.required("nfs.path");
  }
  if (spec.csi === undefined) return;
  checkCsiDriverName("csi.driver", spec.csi.driver, at);
  if ((spec.csi.volumeHandle ?? "") === "") at.required("csi.volumeHandle");
}

export function validatePersistentVolumeUpdate(
  next: Loose<PersistentVolume>,
  previous: Loose<PersistentVolume>,
  at: Faults,
): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  if (!semanticEqual(sourceOf(spec), sourceOf(old))) {
    const detail = "spec.persistentvolumesource is immutable after creation";
    at.forbidden("spec.persistentvolumesource", detail);
  }
  if (spec.volumeMode !== old.volumeMode) {
    at.invalid("volumeMode", spec.volumeMode ?? null, "field is immutable");
  }
  if (old.nodeAffinity !== undefined && !semanticEqual(spec.nodeAffinity, old.nodeAffinity)) {
    const detail = "field is immutable, except for updating from beta label to GA";
    at.invalid("nodeAffinity", spec.nodeAffinity ?? null, detail);
  }
}

function sourceOf(spec: Loose<PersistentVolumeSpec>): unknown {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !plainVolumeFields.has(key)));
}

export function validatePersistentVolumeClaim(
  claim: Loose<PersistentVolumeClaim>,
  at: Faults,
): void {
  checkClaimSpec("spec", claim.spec ?? {}, at);
}

/** Upstream: `ValidatePersistentVolumeClaimUpdate`. */
export function validatePersistentVolumeClaimUpdate(
  next: Loose<PersistentVolumeClaim>,
  previous: Loose<PersistentVolumeClaim>,
  at: Faults,
): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  if (!semanticEqual(comparable(spec, old, next.status?.phase === "Bound"), old)) {
    const detail =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    at.forbidden("spec", detail);
  }
  const [size, before] = [storageOf(spec), storageOf(old)];
  const actual = findQuantity(previous.status?.capacity?.["storage"] ?? "0");
  const isSmaller = size !== undefined && before !== undefined && size.compare(before) < 0;
  if (isSmaller && actual !== undefined && size.compare(actual) <= 0) {
    at.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
  }
  if (spec.volumeMode !== old.volumeMode) {
    at.invalid("volumeMode", spec.volumeMode ?? null, "field is immutable");
  }
}

type ClaimSpec = Loose<PersistentVolumeClaimSpec>;

/** The new spec with what may change put back. */
function comparable(spec: ClaimSpec, old: ClaimSpec, isBound: boolean): ClaimSpec {
  const same: { -readonly [Key in keyof ClaimSpec]: ClaimSpec[Key] } = { ...spec };
  if ((old.volumeName ?? "") === "") same.volumeName = old.volumeName;
  if (old.storageClassName === undefined) same.storageClassName = undefined;
  if (!isBound) return same;
  same.volumeAttributesClassName = old.volumeAttributesClassName;
  const storage = old.resources?.requests?.["storage"] ?? "";
  same.resources = { ...spec.resources, requests: { ...spec.resources?.requests, storage } };
  return same;
}

function storageOf(spec: ClaimSpec): ReturnType<typeof findQuantity> {
  const text = spec.resources?.requests?.["storage"];
  return text === undefined ? undefined : findQuantity(text);
}

const parametersMax = 512;
const parameterBytesMax = 256 * 1024;

export function validateStorageClass(it: Loose<StorageClass>, at: Faults): void {
  checkProvisioner("provisioner", it.provisioner ?? "", at);
  checkParameters(it.parameters ?? {}, at);
  at.optionalOneOf("reclaimPolicy", it.reclaimPolicy, ["Delete", "Retain"]);
  at.oneOf("volumeBindingMode", it.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]);
  for (const [i, term] of (it.allowedTopologies ?? []).entries()) {
    at.enter("allowedTopologies", i);
    checkTopology(term, at);
    at.leave();
  }
}

function checkProvisioner(field: string, name: string, at: Faults): void {
  if (name === "") at.required(field);
  else at.invalidAll(field, name.toLowerCase(), qualifiedNameFaults(name.toLowerCase()));
}

function checkParameters(parameters: Readonly<Record<string, string>>, at: Faults): void {
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) {
    at.tooLong("parameters", parametersMax);
    return;
  }
  let size = 0;
  for (const [key, value] of entries) {
    if (key === "") at.invalid("parameters", key, "field can not be empty.");
    size += key.length + value.length;
  }
  if (size > parameterBytesMax) at.tooLong("parameters", parameterBytesMax);
}

function checkTopology(term: Loose<TopologySelectorTerm>, at: Faults): void {
  const keys = new Set<string>();
  for (const [i, it] of (term.matchLabelExpressions ?? []).entries()) {
    at.enter("matchLabelExpressions", i);
    const key = it.key ?? "";
    const values = it.values ?? [];
    if (values.length === 0) at.required("values");
    for (const [j, value] of values.entries()) {
      if (values.indexOf(value) < j) at.duplicate(`values[${j}]`, value);
    }
    at.invalidAll("key", key, qualifiedNameFaults(key));
    if (keys.has(key)) at.duplicate("key", key);
    keys.add(key);
    at.leave();
  }
}

const immutableClassFields = [
  "parameters",
  "provisioner",
  "reclaimPolicy",
  "volumeBindingMode",
] as const;

export function validateStorageClassUpdate(
  next: Loose<StorageClass>,
  previous: Loose<StorageClass>,
  at: Faults,
): void {
  for (const field of immutableClassFields) {
    if (semanticEqual(next[field], previous[field])) continue;
    at.invalid(field, next[field] ?? null, "field is immutable");
  }
}

const lifecycleModes = ["Persistent", "Ephemeral"];
const groupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];

export function validateCsiDriver(driver: Loose<CSIDriver>, at: Faults): void {
  const spec = driver.spec ?? {};
  at.enter("spec");
  at.optionalOneOf("fsGroupPolicy", spec.fsGroupPolicy, groupPolicies);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    at.optionalOneOf("volumeLifecycleModes", mode, lifecycleModes);
  }
  const audiences = new Set<string>();
  for (const [i, it] of (spec.tokenRequests ?? []).entries()) {
    const audience = it.audience ?? "";
    if (audiences.has(audience)) at.duplicate(`tokenRequests[${i}].audience`, audience);
    audiences.add(audience);
    checkTokenLife(`tokenRequests[${i}].expirationSeconds`, it.expirationSeconds, at);
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10) {
    const detail = "must be greater than or equal to 10 seconds";
    at.invalid("nodeAllocatableUpdatePeriodSeconds", period, detail);
  }
  at.leave();
}

function checkTokenLife(field: string, seconds: number | undefined, at: Faults): void {
  if (seconds === undefined) return;
  if (seconds < 600) at.invalid(field, seconds, "may not specify a duration less than 10 minutes");
  if (seconds > 2 ** 32) {
    at.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds");
  }
}

export function validateCsiDriverUpdate(
  next: Loose<CSIDriver>,
  previous: Loose<CSIDriver>,
  at: Faults,
): void {
  // The first is misspelt upstream.
  if (!semanticEqual(next.spec?.attachRequired, previous.spec?.attachRequired)) {
    at.invalid("spec.attachedRequired", next.spec?.attachRequired, "field is immutable");
  }
  if (!semanticEqual(next.spec?.volumeLifecycleModes, previous.spec?.volumeLifecycleModes)) {
    const modes = next.spec?.volumeLifecycleModes;
    at.invalid("spec.volumeLifecycleModes", modes, "field is immutable");
  }
}

const nodeIdLengthMax = 256;

export function validateCsiNode(node: Loose<CSINode>, at: Faults): void {
  const names = new Set<string>();
  for (const [i, it] of (node.spec?.drivers ?? []).entries()) {
    at.enter("spec.drivers", i);
    checkCsiDriverName("name", it.name, at);
    if (names.has(it.name ?? "")) at.duplicate("name", it.name);
    names.add(it.name ?? "");
    const id = it.nodeID ?? "";
    if (id === "") at.required("nodeID");
    if (id.length > nodeIdLengthMax) {
      at.invalid("nodeID", id, `must be ${nodeIdLengthMax} characters or less`);
    }
    at.nonNegative("allocatable.count", it.allocatable?.count);
    for (const key of it.topologyKeys ?? []) at.invalidAll("", key, qualifiedNameFaults(key));
    at.leave();
  }
}

export function validateCsiStorageCapacity(it: Loose<CSIStorageCapacity>, at: Faults): void {
  checkSelector("nodeTopology", it.nodeTopology, at);
  const name = it.storageClassName ?? "";
  at.invalidAll("storageClassName", name, dns1123SubdomainFaults(name));
  if (it.capacity !== undefined && (findQuantity(it.capacity)?.sign() ?? 0) < 0) {
    at.invalid("capacity", it.capacity, "must be greater than or equal to 0");
  }
}

export function validateCsiStorageCapacityUpdate(
  next: Loose<CSIStorageCapacity>,
  previous: Loose<CSIStorageCapacity>,
  at: Faults,
): void {
  for (const field of ["nodeTopology", "storageClassName"] as const) {
    if (semanticEqual(next[field], previous[field])) continue;
    at.invalid(field, next[field] ?? null, "field is immutable");
  }
}

export function validateVolumeAttachment(it: Loose<VolumeAttachment>, at: Faults): void {
  const spec = it.spec ?? {};
  const source = spec.source ?? {};
  at.enter("spec");
  checkCsiDriverName("attacher", spec.attacher, at);
  const volume = source.persistentVolumeName;
  const detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (source.inlineVolumeSpec !== undefined) {
    if (volume !== undefined) at.forbidden("source", detail);
  } else if (volume === undefined) at.required("source", detail);
  if (volume !== undefined) {
    at.invalidAll("source.persistentVolumeName", volume, dns1123SubdomainFaults(volume));
  }
  const node = spec.nodeName ?? "";
  at.invalidAll("nodeName", node, dns1123SubdomainFaults(node));
  at.leave();
}

export function validateVolumeAttributesClass(it: Loose<VolumeAttributesClass>, at: Faults): void {
  checkProvisioner("driverName", it.driverName ?? "", at);
  checkParameters(it.parameters ?? {}, at);
  if (Object.keys(it.parameters ?? {}).length === 0) {
    at.required("parameters", "must contain at least one key/value pair");
  }
}

export function validateVolumeAttributesClassUpdate(
  next: Loose<VolumeAttributesClass>,
  previous: Loose<VolumeAttributesClass>,
  at: Faults,
): void {
  for (const field of ["driverName", "parameters"] as const) {
    if (semanticEqual(next[field], previous[field])) continue;
    at.forbidden(field, `updates to ${field} are forbidden.`);
  }
}
