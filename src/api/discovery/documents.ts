import type { JsonObject } from "#api/object.ts";
import { apiVersionOf, type Resource, type Subresource } from "#api/resource.ts";
import { groupsOf, kindOf, type GroupVersions, type VersionResources } from "./groups.ts";

/** SHA-256 of a text; passed in, because this module computes nothing with the platform. */
export type Sha256 = (text: string) => Uint8Array;

/** `/api`. The address is `host:port`, as clients outside reach the server. */
export function apiVersions(serverAddress: string): JsonObject {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `/apis`: every group but the core one. */
export function apiGroupList(resources: readonly Resource[]): JsonObject {
  const groups = groupsOf(resources).filter((it) => it.group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupEntry) };
}

/** `/apis/<group>`; undefined when no resource is of the group. */
export function apiGroup(resources: readonly Resource[], group: string): JsonObject | undefined {
  const [found] = groupsOf(resources.filter((it) => it.group === group));
  return found === undefined
    ? undefined
    : { kind: "APIGroup", apiVersion: "v1", ...groupEntry(found) };
}

function groupEntry({ group, versions }: GroupVersions): JsonObject {
  const entries = versions.map(({ version }) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  return { name: group, versions: entries, preferredVersion: { ...entries[0] } };
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when no resource is of that version. */
export function apiResourceList(
  resources: readonly Resource[],
  at: { readonly group: string; readonly version: string },
  sha256: Sha256,
): JsonObject | undefined {
  const own = resources.filter((it) => it.group === at.group && it.version === at.version);
  const [first] = groupsOf(own)[0]?.versions ?? [];
  if (first === undefined) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf(at),
    resources: first.resources.flatMap((it) => resourceEntries(it, sha256)),
  };
}

function resourceEntries(resource: Resource, sha256: Sha256): JsonObject[] {
  const own: JsonObject = {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs.toSorted(),
    ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
    ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
    // What is never listed is never stored.
    ...(resource.verbs.includes("list")
      ? { storageVersionHash: storageVersionHash(resource, sha256) }
      : {}),
  };
  const below = sortedSubresources(resource).map((it) => {
    const kind = kindOf(resource, it);
    const isForeign = kind.group !== resource.group || kind.version !== resource.version;
    return {
      name: `${resource.plural}/${it.name}`,
      singularName: "",
      namespaced: resource.namespaced,
      ...(isForeign ? { group: kind.group, version: kind.version } : {}),
      kind: kind.kind,
      verbs: it.verbs.toSorted(),
    };
  });
  return [own, ...below];
}

function sortedSubresources(resource: Resource): Subresource[] {
  return resource.subresources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Changes when the stored version does (apiserver `endpoints/discovery/storageversionhash.go`). */
function storageVersionHash(resource: Resource, sha256: Sha256): string {
  const { group, version } = resource.storageVersion;
  const digest = sha256(`${group}/${version}/${resource.kind}`).subarray(0, 8);
  return btoa(String.fromCharCode(...digest));
}

/**
 * The aggregated document `APIGroupDiscoveryList` of apidiscovery.k8s.io: for `/api` the core
 * group, for `/apis` all others. Clients before 1.30 ask for v2beta1, which has the same form.
 */
export function aggregatedDiscovery(
  resources: readonly Resource[],
  root: "api" | "apis",
  version: "v2" | "v2beta1" = "v2",
): JsonObject {
  const groups = groupsOf(resources.filter((it) => (it.group === "") === (root === "api")));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versions.map(versionDiscovery),
    })),
  };
}

function versionDiscovery({ version, resources }: VersionResources): JsonObject {
  return { version, resources: resources.map(resourceDiscovery), freshness: "Current" };
}

function resourceDiscovery(resource: Resource): JsonObject {
  const subresources = sortedSubresources(resource).map((it) => ({
    subresource: it.name,
    responseKind: kindOf(resource, it),
    verbs: it.verbs.toSorted(),
  }));
  const { group, version, kind } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs.toSorted(),
    ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
    ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
