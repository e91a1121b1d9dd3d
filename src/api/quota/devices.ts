import type {
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceV1ResourceClaim,
} from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import { countOf, one } from "./amounts.ts";
import { countName, type Measure } from "./measure.ts";

const claimCount = countName("resource.k8s.io", "resourceclaims");
const ofClass = ".deviceclass.resource.k8s.io/devices";
/** Devices that one claim can have at most: what "all" may come to. Upstream: `AllocationResultsMaxSize`. */
const devicesMax = 32;

/** Upstream: `pkg/quota/v1/evaluator/core/resource_claims.go`. */
export const deviceClaimMeasure: Measure = {
  counts(name) {
    return name === claimCount || name.endsWith(ofClass);
  },
  usage(claim: Loose<ResourceV1ResourceClaim>) {
    const usage = new Map([[claimCount, one]]);
    for (const request of claim.spec?.devices?.requests ?? []) {
      for (const [name, devices] of devicesOf(request)) {
        const amount = countOf(devices);
        usage.set(name, usage.get(name)?.add(amount) ?? amount);
      }
    }
    return usage;
  },
};

/** Devices by class; of alternatives the one that takes most. */
function devicesOf({ exactly, firstAvailable = [] }: Loose<DeviceRequest>): Map<string, number> {
  const devices = new Map<string, number>();
  const options =
    firstAvailable.length > 0 ? firstAvailable : exactly === undefined ? [] : [exactly];
  for (const it of options) {
    const name = `${it.deviceClassName ?? ""}${ofClass}`;
    devices.set(name, Math.max(devices.get(name) ?? 0, countIn(it)));
  }
  return devices;
}

function countIn({ allocationMode, count }: Loose<ExactDeviceRequest | DeviceSubRequest>): number {
  if (allocationMode === "ExactCount") return count ?? 0;
  return allocationMode === "All" ? devicesMax : 0;
}
