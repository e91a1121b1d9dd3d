import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "#api/gen/types.ts";
import {
  createdAtPrinter,
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Draft, Loose, Printer, Rules } from "#api/rules/rules.ts";
import {
  validateBindingUpdate,
  validateClusterRole,
  validateClusterRoleBinding,
  validateRole,
  validateRoleBinding,
} from "./validation.ts";

const group = "rbac.authorization.k8s.io";

export const roleRules: Rules<Role> = {
  validate: validateRole,
  printer: createdAtPrinter,
  allowCreateOnUpdate: true,
};

export const clusterRoleRules: Rules<ClusterRole> = {
  validate: validateClusterRole,
  printer: createdAtPrinter,
  allowCreateOnUpdate: true,
};

const bindingPrinter: Printer<RoleBinding> = {
  columns: [
    nameColumn,
    column("Role", "The role that is granted."),
    ageColumn,
    wideColumn("Users", "Users that it is granted to."),
    wideColumn("Groups", "Groups that it is granted to."),
    wideColumn("ServiceAccounts", "Service accounts that it is granted to."),
  ],
  cells: (it, nowMs) => [
    nameOf(it),
    `${it.roleRef?.kind ?? ""}/${it.roleRef?.name ?? ""}`,
    ageOf(it, nowMs),
    subjectsOf(it, "User"),
    subjectsOf(it, "Group"),
    subjectsOf(it, "ServiceAccount"),
  ],
};

function subjectsOf(binding: Loose<RoleBinding>, kind: string): string {
  return (binding.subjects ?? [])
    .filter((it) => it.kind === kind)
    .map((it) => (kind === "ServiceAccount" ? `${it.namespace ?? ""}/` : "") + (it.name ?? ""))
    .join(", ");
}

export const roleBindingRules: Rules<RoleBinding> = {
  default: defaultBinding,
  validate: validateRoleBinding,
  validateUpdate: validateBindingUpdate,
  printer: bindingPrinter,
  allowCreateOnUpdate: true,
};

export const clusterRoleBindingRules: Rules<ClusterRoleBinding> = {
  default: defaultBinding,
  validate: validateClusterRoleBinding,
  validateUpdate: validateBindingUpdate,
  printer: bindingPrinter,
  allowCreateOnUpdate: true,
};

/** Upstream: `pkg/apis/rbac/v1/defaults.go`. */
function defaultBinding(binding: Draft<RoleBinding>): void {
  const role = (binding.roleRef ??= {});
  role.apiGroup ||= group;
  for (const it of binding.subjects ?? []) {
    if (it.kind === "User" || it.kind === "Group") it.apiGroup ||= group;
  }
}
