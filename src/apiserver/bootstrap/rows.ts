import type { Json, JsonObject } from "#api/object.ts";
import { ruleObject, type PolicyRule } from "#apiserver/auth/rbac/rules.ts";
import { rbacGroup } from "#apiserver/auth/rbac/bindings.ts";

/** A default role in short. */
export interface RoleRow {
  readonly name: string;
  /** Absent for ClusterRoles. */
  readonly namespace?: string;
  /** The role that gathers this one's rules: its label `…/aggregate-to-<name>`. */
  readonly aggregatedTo?: string;
  /** Gathers the rules of the roles labelled for these. */
  readonly aggregates?: readonly string[];
  /**
   * `verbs groups resources [names]` or `verbs /paths`, lists with commas. `core` is the core group,
   * `read` is get, list, watch, and `write` is create, update, patch, delete, deletecollection.
   */
  readonly rules: readonly string[];
}

/** A default binding in short. */
export interface BindingRow {
  readonly name: string;
  /** Absent for ClusterRoleBindings. */
  readonly namespace?: string;
  readonly role: string;
  /** `User x`, `Group x`, `ServiceAccount namespace/name`. */
  readonly subjects: readonly string[];
}

const verbSets = new Map([
  ["read", ["get", "list", "watch"]],
  ["write", ["create", "delete", "deletecollection", "patch", "update"]],
]);

const aggregateLabel = "rbac.authorization.k8s.io/aggregate-to-";

/** Reads the short form of a rule; see {@link RoleRow}. */
export function parseRule(text: string): PolicyRule {
  const [verbs = "", second = "", resources, names] = text.split(" ");
  const expanded = verbs.split(",").flatMap((it) => verbSets.get(it) ?? [it]);
  const empty = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  if (resources === undefined) {
    return { ...empty, verbs: expanded, nonResourceURLs: second.split(",") };
  }
  return {
    ...empty,
    verbs: expanded,
    apiGroups: second.split(",").map((it) => (it === "core" ? "" : it)),
    resources: resources.split(","),
    resourceNames: names === undefined ? [] : names.split(","),
  };
}

/** The object of a row: a Role with a namespace, a ClusterRole without. */
export function roleObject(row: RoleRow): JsonObject {
  const labels =
    row.aggregatedTo === undefined ? {} : { [aggregateLabel + row.aggregatedTo]: "true" };
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: row.namespace === undefined ? "ClusterRole" : "Role",
    metadata: metadataOf(row, labels),
    ...(row.aggregates === undefined
      ? {}
      : { aggregationRule: { clusterRoleSelectors: row.aggregates.map(selectorFor) } }),
    rules: row.rules.map((it) => ruleObject(parseRule(it))),
  };
}

function selectorFor(name: string): Json {
  return { matchLabels: { [aggregateLabel + name]: "true" } };
}

/** The object of a row: a RoleBinding with a namespace, a ClusterRoleBinding without. */
export function bindingObject(row: BindingRow): JsonObject {
  const cluster = row.namespace === undefined;
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: cluster ? "ClusterRoleBinding" : "RoleBinding",
    metadata: metadataOf(row, {}),
    roleRef: { apiGroup: rbacGroup, kind: cluster ? "ClusterRole" : "Role", name: row.role },
    ...(row.subjects.length === 0 ? {} : { subjects: row.subjects.map(subjectObject) }),
  };
}

function subjectObject(text: string): Json {
  const space = text.indexOf(" ");
  const kind = text.slice(0, space);
  const name = text.slice(space + 1);
  if (kind !== "ServiceAccount") return { apiGroup: rbacGroup, kind, name };
  const [namespace = "", account = ""] = name.split("/");
  return { kind, name: account, namespace };
}

function metadataOf(
  row: { readonly name: string; readonly namespace?: string },
  labels: Readonly<Record<string, string>>,
): JsonObject {
  return {
    annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    name: row.name,
    ...(row.namespace === undefined ? {} : { namespace: row.namespace }),
  };
}
