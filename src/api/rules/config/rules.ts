import type { ConfigMap, Secret, ServiceAccount } from "#api/gen/types.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf } from "#api/rules/columns.ts";
import type { Rules } from "#api/rules/rules.ts";
import { defaultSecret } from "./defaults.ts";
import {
  checkSealed,
  validateConfigMap,
  validateSecret,
  validateSecretUpdate,
} from "./validation.ts";

export const configMapRules: Rules<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate: checkSealed,
  printer: {
    columns: [nameColumn, column("Data", "How many keys it has."), ageColumn],
    cells: (it, nowMs) => [nameOf(it), sizeOf(it.data) + sizeOf(it.binaryData), ageOf(it, nowMs)],
  },
};

export const secretRules: Rules<Secret> = {
  default: defaultSecret,
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  printer: {
    columns: [
      nameColumn,
      column("Type", "What the data is for."),
      column("Data", "How many keys it has."),
      ageColumn,
    ],
    cells: (it, nowMs) => [nameOf(it), it.type ?? "", sizeOf(it.data), ageOf(it, nowMs)],
  },
};

function sizeOf(map: Readonly<Record<string, string>> | undefined): number {
  return map === undefined ? 0 : Object.keys(map).length;
}

export const serviceAccountRules: Rules<ServiceAccount> = {};
