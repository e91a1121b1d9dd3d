import type {
  DeviceClass,
  ResourceV1ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "#api/gen/types.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf } from "#api/rules/columns.ts";
import type { Loose, Rules } from "#api/rules/rules.ts";
import { defaultClaim, defaultClaimTemplate, stampTaints } from "./defaults.ts";
import {
  validateClaim,
  validateClaimStatus,
  validateClaimTemplate,
  validateDeviceClass,
  validateSlice,
  validateSliceUpdate,
  validateSpecKept,
} from "./validation.ts";

export const deviceClassRules: Rules<DeviceClass> = {
  generation: true,
  validate: validateDeviceClass,
};

export const resourceClaimRules: Rules<ResourceV1ResourceClaim> = {
  statusKeepsMetadata: true,
  default: defaultClaim,
  validate: validateClaim,
  validateUpdate: validateSpecKept,
  validateStatus: validateClaimStatus,
  printer: {
    columns: [nameColumn, column("State", "Whether devices are set aside for it."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), stateOf(it), ageOf(it, nowMs)],
  },
};

function stateOf(it: Loose<ResourceV1ResourceClaim>): string {
  const isDeleted = it.metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ["deleted"] : [];
  if (it.status?.allocation === undefined) {
    if (!isDeleted) states.push("pending");
  } else {
    states.push("allocated");
    if ((it.status.reservedFor ?? []).length > 0) states.push("reserved");
  }
  return states.join(",");
}

export const resourceClaimTemplateRules: Rules<ResourceClaimTemplate> = {
  default: defaultClaimTemplate,
  validate: validateClaimTemplate,
  validateUpdate: validateSpecKept,
};

export const resourceSliceRules: Rules<ResourceSlice> = {
  generation: true,
  create: (it, context) => {
    stampTaints(it, context.now);
  },
  update: (it, _previous, context) => {
    stampTaints(it, context.now);
  },
  validate: validateSlice,
  validateUpdate: validateSliceUpdate,
  printer: {
    columns: [
      nameColumn,
      column("Node", "The node that has the devices."),
      column("Driver", "The driver of the devices."),
      column("Pool", "The pool that it is a part of."),
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.spec?.nodeName ?? "",
      it.spec?.driver ?? "",
      it.spec?.pool?.name ?? "",
      ageOf(it, nowMs),
    ],
  },
};
