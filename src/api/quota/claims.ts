import type { PersistentVolumeClaim } from "#api/gen/types.ts";
import { findQuantity, Quantity } from "#api/quantity.ts";
import type { Loose } from "#api/rules/rules.ts";
import { one } from "./amounts.ts";
import { countName, selects, type Measure } from "./measure.ts";

const claimCount = countName("", "persistentvolumeclaims");
const claims = "persistentvolumeclaims";
const storage = "requests.storage";
const ofClass = ".storageclass.storage.k8s.io/";
const betaClass = "volume.beta.kubernetes.io/storage-class";

/** Upstream: `pkg/quota/v1/evaluator/core/persistent_volume_claims.go`. */
export const claimMeasure: Measure = {
  counts(name) {
    if (name === claimCount || name === claims || name === storage) return true;
    return name.endsWith(`${ofClass}${claims}`) || name.endsWith(`${ofClass}${storage}`);
  },
  usage(claim: Loose<PersistentVolumeClaim>) {
    const usage = new Map([
      [claims, one],
      [claimCount, one],
    ]);
    const storageClass =
      claim.metadata?.annotations?.[betaClass] ?? claim.spec?.storageClassName ?? "";
    if (storageClass !== "") usage.set(`${storageClass}${ofClass}${claims}`, one);
    const requested = storageOf(claim);
    if (requested === undefined) return usage;
    usage.set(storage, requested);
    if (storageClass !== "") usage.set(`${storageClass}${ofClass}${storage}`, requested);
    return usage;
  },
  isIn(scope, claim: Loose<PersistentVolumeClaim>) {
    if (scope.scopeName !== "VolumeAttributesClass") return false;
    const classes = attributesClassesOf(claim);
    return classes.length === 0
      ? selects(scope, undefined)
      : classes.some((it) => selects(scope, it));
  },
};

/** What is asked for, or more where an expansion that was given up has already taken it. */
function storageOf({ spec, status }: Loose<PersistentVolumeClaim>): Quantity | undefined {
  const requested = findQuantity(spec?.resources?.requests?.["storage"] ?? "");
  const allocated = findQuantity(status?.allocatedResources?.["storage"] ?? "");
  if (requested === undefined) return undefined;
  const isMore = allocated !== undefined && allocated.compare(requested) > 0;
  return wholeBytes(isMore ? allocated : requested);
}

/** Quotas count whole bytes. */
function wholeBytes(amount: Quantity): Quantity {
  const bytes = BigInt(amount.value());
  return amount.compare(new Quantity(bytes, 0, amount.format)) === 0
    ? amount
    : new Quantity(bytes, 0, amount.format);
}

function attributesClassesOf({ spec, status }: Loose<PersistentVolumeClaim>): string[] {
  return [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((it) => it !== undefined && it !== "") as string[];
}
