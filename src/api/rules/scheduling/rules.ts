import type { Lease, PriorityClass, RuntimeClass } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  typedColumn,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Rules } from "#api/rules/rules.ts";
import {
  validateLease,
  validatePriorityClass,
  validatePriorityClassUpdate,
  validateRuntimeClass,
  validateRuntimeClassUpdate,
} from "./validation.ts";

export const leaseRules: Rules<Lease> = {
  validate: validateLease,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  printer: {
    columns: [nameColumn, column("Holder", "Who holds it."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), it.spec?.holderIdentity ?? "", ageOf(it, nowMs)],
  },
};

export const priorityClassRules: Rules<PriorityClass> = {
  generation: true,
  default: (it) => {
    it.value ??= 0;
    it.preemptionPolicy ??= "PreemptLowerPriority";
  },
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  printer: {
    columns: [
      nameColumn,
      typedColumn("Value", "integer", "The priority of its pods."),
      typedColumn("Global-Default", "boolean", "Whether pods without a class have this one."),
      ageColumn,
      wideColumn("PreemptionPolicy", "Whether its pods may push out others."),
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.value ?? 0,
      it.globalDefault ?? false,
      ageOf(it, nowMs),
      it.preemptionPolicy ?? "",
    ],
  },
};

export const runtimeClassRules: Rules<RuntimeClass> = {
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  printer: {
    columns: [nameColumn, column("Handler", "What runs its pods."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), it.handler ?? "", ageOf(it, nowMs)],
  },
};
