import type { Resource, Subresource, Verb } from "#api/resource.ts";

const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** What differs between kinds; everything else follows from convention. */
export interface Row {
  readonly kind: string;
  readonly plural: string;
  readonly scope?: "cluster";
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly Verb[];
  readonly subresources?: readonly Subresource[];
  readonly fields?: readonly string[];
  /** Where it is kept, when another version or group of the same kind keeps it. */
  readonly storage?: { readonly group: string; readonly version: string; readonly key: string };
  /** Name of the type, where it is not the kind's. */
  readonly type?: string;
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** Prefix of the type names: `io.k8s.api.core.v1`. */
  readonly package: string;
}

/** Builds the resources of one group and version. */
export function resourcesOf(at: GroupVersion, rows: readonly Row[]): Resource[] {
  return rows.map((row) => ({
    group: at.group,
    version: at.version,
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    shortNames: row.short ?? [],
    categories: row.categories ?? [],
    namespaced: row.scope !== "cluster",
    verbs: row.verbs ?? allVerbs,
    subresources: row.subresources ?? [],
    type: `${at.package}.${row.type ?? row.kind}`,
    selectableFields: row.fields ?? [],
    storageKey: row.storage?.key ?? `${at.group === "" ? "core" : at.group}/${row.plural}`,
    storageVersion: row.storage ?? { group: at.group, version: at.version },
  }));
}

/** `/status`: read and written apart from the object. */
export const status: Subresource = { name: "status", verbs: ["get", "patch", "update"] };

export const scale: Subresource = {
  name: "scale",
  verbs: ["get", "patch", "update"],
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
};

/** A path that carries a connection or another kind. */
export function action(
  name: string,
  verbs: readonly Verb[],
  speaks: { readonly group: string; readonly version: string; readonly kind: string },
): Subresource {
  return { name, verbs, ...speaks };
}
