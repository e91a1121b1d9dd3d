import type {
  DeviceClaim,
  DeviceSubRequest,
  ResourceV1ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/resource/v1/defaults.go`. */

export function defaultClaim(it: Draft<ResourceV1ResourceClaim>): void {
  it.spec ??= {};
  defaultDevices(it.spec.devices);
}

export function defaultClaimTemplate(it: Draft<ResourceClaimTemplate>): void {
  defaultDevices(it.spec?.spec?.devices);
}

function defaultDevices(devices: Draft<DeviceClaim> | undefined): void {
  for (const request of devices?.requests ?? []) {
    if (request.exactly !== undefined) defaultRequest(request.exactly);
    for (const it of request.firstAvailable ?? []) defaultRequest(it);
  }
}

function defaultRequest(request: Draft<Omit<DeviceSubRequest, "name">>): void {
  request.allocationMode ??= "ExactCount";
  if (request.allocationMode === "ExactCount") {
    if (request.count === undefined || request.count === 0) request.count = 1;
  }
  for (const it of request.tolerations ?? []) it.operator ??= "Equal";
}

/** Dates the taints that came without a time. */
export function stampTaints(it: Draft<ResourceSlice>, now: string): void {
  for (const device of it.spec?.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= now;
  }
}
