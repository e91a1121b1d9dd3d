import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import type { ObjectSource, UserInfo } from "#apiserver/contract.ts";
import { BoundedMap } from "#apiserver/auth/bounded-map.ts";
import { serviceAccountUserName } from "#apiserver/auth/users.ts";
import { rulesOf, type PolicyRule } from "./rules.ts";

export const rbacGroup = "rbac.authorization.k8s.io";

/** What one binding gives to one subject. */
export interface Grant {
  /** For the reason of a decision: which binding, which role, which subject. */
  readonly source: string;
  readonly rules: readonly PolicyRule[];
  /** Set when the role cannot be found; there are no rules then. */
  readonly fault: string | undefined;
}

interface Binding {
  readonly source: string;
  readonly role: { readonly kind: string; readonly name: string; readonly namespace: string };
}

type Subjects = ReadonlyMap<string, readonly Binding[]>;

/** Namespaces whose role bindings are kept in indexed form. */
const namespacesMax = 10_000;

/**
 * Who is bound to which role, indexed by subject. Indexes are made when first asked for, one for
 * the cluster and one for each namespace, and dropped when any binding changes: a change costs
 * only the namespaces that are asked about again.
 */
export class Bindings {
  readonly #objects: ObjectSource;
  readonly #rules = new WeakMap<JsonObject, readonly PolicyRule[]>();
  readonly #namespaces = new BoundedMap<string, Subjects>(namespacesMax);
  #cluster: Subjects | undefined;
  #generation = 0;

  constructor(objects: ObjectSource) {
    this.#objects = objects;
    for (const resource of ["roles", "clusterroles"]) {
      objects.onChange(resource, rbacGroup, () => {
        this.#generation++;
      });
    }
    objects.onChange("rolebindings", rbacGroup, () => {
      this.#generation++;
      this.#namespaces.clear();
    });
    objects.onChange("clusterrolebindings", rbacGroup, () => {
      this.#generation++;
      this.#cluster = undefined;
    });
  }

  /** Grows with each change of a role or binding. */
  get generation(): number {
    return this.#generation;
  }

  /** Everything granted to a user: in the cluster, and in `namespace` unless it is empty. */
  grants(user: UserInfo, namespace: string): Grant[] {
    const indexes = [this.#clusterIndex()];
    if (namespace !== "") indexes.push(this.#namespaceIndex(namespace));
    const keys = [userKey(user.name), ...user.groups.map(groupKey)];
    const found = indexes.flatMap((index) => keys.flatMap((key) => index.get(key) ?? []));
    return found.map((it) => this.#grant(it));
  }

  /** The rules that a role reference stands for; undefined when there is no such role. */
  rulesOfRole(kind: string, namespace: string, name: string): readonly PolicyRule[] | undefined {
    const role =
      kind === "ClusterRole"
        ? this.#objects.get("clusterroles", rbacGroup, "", name)
        : this.#objects.get("roles", rbacGroup, namespace, name);
    if (role === undefined) return undefined;
    const known = this.#rules.get(role);
    if (known !== undefined) return known;
    const rules = rulesOf(role);
    this.#rules.set(role, rules);
    return rules;
  }

  #grant(binding: Binding): Grant {
    const { kind, name, namespace } = binding.role;
    const rules = this.rulesOfRole(kind, namespace, name);
    if (rules !== undefined) return { source: binding.source, rules, fault: undefined };
    const fault = `${kind.toLowerCase()}.${rbacGroup} ${JSON.stringify(name)} not found`;
    return { source: binding.source, rules: [], fault };
  }

  #clusterIndex(): Subjects {
    this.#cluster ??= indexOf(this.#objects.list("clusterrolebindings", rbacGroup), "");
    return this.#cluster;
  }

  #namespaceIndex(namespace: string): Subjects {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const made = indexOf(this.#objects.list("rolebindings", rbacGroup, namespace), namespace);
    this.#namespaces.set(namespace, made);
    return made;
  }
}

function indexOf(bindings: readonly JsonObject[], namespace: string): Subjects {
  const index = new Map<string, Binding[]>();
  for (const binding of bindings) {
    const seen = new Set<string>();
    for (const subject of childList(binding, "subjects").filter(isJsonObject)) {
      const key = subjectKey(subject, namespace);
      if (key === undefined || seen.has(key)) continue;
      seen.add(key);
      const list = index.get(key) ?? [];
      list.push(bindingOf(binding, subject, namespace));
      index.set(key, list);
    }
  }
  return index;
}

function bindingOf(binding: JsonObject, subject: JsonObject, namespace: string): Binding {
  const reference = childObject(binding, "roleRef");
  const kind = childString(reference, "kind") ?? "";
  const role = childString(reference, "name") ?? "";
  const name = childString(childObject(binding, "metadata"), "name") ?? "";
  const title =
    namespace === ""
      ? `ClusterRoleBinding ${JSON.stringify(name)}`
      : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const source = `${title} of ${kind} ${JSON.stringify(role)} to ${describe(subject, namespace)}`;
  return { source, role: { kind, name: role, namespace } };
}

function describe(subject: JsonObject, namespace: string): string {
  const kind = childString(subject, "kind") ?? "";
  const name = childString(subject, "name") ?? "";
  if (kind !== "ServiceAccount") return `${kind} ${JSON.stringify(name)}`;
  return `${kind} ${JSON.stringify(`${name}/${childString(subject, "namespace") ?? namespace}`)}`;
}

function subjectKey(subject: JsonObject, namespace: string): string | undefined {
  const kind = childString(subject, "kind");
  const name = childString(subject, "name") ?? "";
  if (kind === "User") return userKey(name);
  if (kind === "Group") return groupKey(name);
  if (kind !== "ServiceAccount") return undefined;
  const home = childString(subject, "namespace") ?? namespace;
  return home === "" ? undefined : userKey(serviceAccountUserName(home, name));
}

function userKey(name: string): string {
  return `u${name}`;
}

function groupKey(name: string): string {
  return `g${name}`;
}
