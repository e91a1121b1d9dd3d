import type { Resource, Subresource } from "#api/resource.ts";

/** One version of a group, with its resources sorted by name. */
export interface VersionResources {
  readonly version: string;
  readonly resources: readonly Resource[];
}

export interface GroupVersions {
  /** Empty for the core group. */
  readonly group: string;
  /** The preferred version first. */
  readonly versions: readonly VersionResources[];
}

/** Sorts resources into groups, in the order in which the groups first appear. */
export function groupsOf(resources: readonly Resource[]): GroupVersions[] {
  const groups = new Map<string, Map<string, Resource[]>>();
  for (const it of resources) {
    const versions = groups.get(it.group) ?? new Map<string, Resource[]>();
    groups.set(it.group, versions);
    versions.set(it.version, [...(versions.get(it.version) ?? []), it]);
  }
  return [...groups].map(([group, versions]) => ({
    group,
    versions: [...versions]
      .sort(([a], [b]) => compareVersions(a, b))
      .map(([version, own]) => ({
        version,
        resources: own.sort((a, b) => (a.plural < b.plural ? -1 : 1)),
      })),
  }));
}

const versionPattern = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const stability = { alpha: 1, beta: 2, stable: 3 };

/**
 * The order of preference of API versions: v2, v1, v2beta1, v1beta2, v1alpha1, then other names by
 * letter. apimachinery `pkg/version/helpers.go`.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  for (let at = 0; at < left.length; at++) {
    const difference = (right[at] ?? 0) - (left[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(version: string): readonly number[] {
  const match = versionPattern.exec(version);
  if (match === null) return [0, 0, 0];
  const level = match[2] === "alpha" || match[2] === "beta" ? match[2] : "stable";
  return [stability[level], Number(match[1]), Number(match[3] ?? 0)];
}

/** The kind that a subresource speaks: its own, or that of its resource. */
export function kindOf(
  resource: Resource,
  subresource: Subresource,
): { readonly group: string; readonly version: string; readonly kind: string } {
  return {
    group: subresource.group ?? resource.group,
    version: subresource.version ?? resource.version,
    kind: subresource.kind ?? resource.kind,
  };
}
