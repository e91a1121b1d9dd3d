import type { PolicyRule } from "#apiserver/auth/rbac/rules.ts";
import { clusterRoles } from "#apiserver/bootstrap/cluster-roles.ts";
import { parseRule } from "#apiserver/bootstrap/rows.ts";

/** What every node may do, where no narrower check applies: the rules of `system:node`. */
export const nodeRules: readonly PolicyRule[] = clusterRoles
  .filter((it) => it.name === "system:node")
  .flatMap((it) => it.rules.map(parseRule));
