import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import type { Strategy } from "#api/strategy.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { AdmissionRule, Annotate, UserInfo } from "#apiserver/contract.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { storeKey, type RegistryCache } from "#apiserver/cache/registry-cache.ts";
import type { ResourceCache } from "#apiserver/cache/resource-cache.ts";
import type { Expiry } from "./expiry.ts";
import type { Store } from "#store/store.ts";

/** Turns objects between the version of a request and the stored one. */
export interface Conversion {
  toStored(object: JsonObject): JsonObject;
  fromStored(object: JsonObject): JsonObject;
}

/** One kind in one version, with all that its verbs need. */
export interface Kind {
  readonly resource: Resource;
  readonly cache: ResourceCache;
  readonly strategy: Strategy;
  /** Undefined where this is the stored version. */
  readonly conversion: Conversion | undefined;
}

/** What verbs need besides the kind. */
export interface RegistryPorts {
  readonly store: Store;
  /** Leases of objects that go by themselves. */
  readonly expiry: Expiry;
  readonly cache: RegistryCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly types: TypeTable;
  readonly admission: readonly AdmissionRule[];
  /** A new random UUID. */
  readonly newUid: () => string;
  /** Aborts when the server stops. Writes under way are not broken off for a client's sake. */
  readonly stop: AbortSignal;
}

/** Where one write goes and who wants it. */
export interface WriteTarget {
  readonly kind: Kind;
  readonly user: UserInfo;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
  /** Undefined when nobody records it. */
  readonly annotate?: Annotate | undefined;
}

/** The cache's key of an object. */
export function cacheKey(resource: Resource, namespace: string, name: string): string {
  return resource.namespaced ? `${namespace}/${name}` : name;
}

/** The store's key of an object. */
export function storeKeyOf(kind: Kind, key: string): string {
  return storeKey(kind.resource.storageKey, key);
}

/** The object, parsed, in the kind's version. The caller owns it. */
export function decodeCached(kind: Kind, object: CachedObject): JsonObject {
  const stored = kind.cache.decode(object);
  return kind.conversion === undefined ? stored : kind.conversion.fromStored(stored);
}
