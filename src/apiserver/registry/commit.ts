import type { JsonObject } from "#api/object.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { encodeStored, setRevision } from "#apiserver/cache/stored-form.ts";
import { fieldValues } from "./field-values.ts";
import { storeKeyOf, type Kind, type RegistryPorts } from "./kind.ts";

/** What a write left behind. */
export interface Written {
  readonly created: boolean;
  /** In the version of the request. */
  readonly object: JsonObject;
  /** The same as the cache has it; undefined after a dry run or when it has changed since. */
  readonly cached: CachedObject | undefined;
}

/**
 * Writes the object if what is there still has `ifRevision`, 0 for nothing. Returns undefined when
 * it has not; the cache then knows at least what is there. The revision is set on the object.
 */
export async function commit(
  ports: RegistryPorts,
  kind: Kind,
  it: { readonly key: string; readonly object: JsonObject; readonly ifRevision: number },
): Promise<Written | undefined> {
  const { cache } = kind;
  const stored = kind.conversion === undefined ? it.object : kind.conversion.toStored(it.object);
  const { ttlSeconds } = kind.strategy;
  const lease =
    ttlSeconds === undefined ? undefined : await ports.expiry.lease(ttlSeconds, ports.stop);
  const value = encodeStored(stored, cache.type, fieldValues(cache.resource, stored));
  cache.announce(value, stored);
  const result = await ports.store.write(
    {
      kind: "put",
      key: storeKeyOf(kind, it.key),
      value,
      ifModRevision: it.ifRevision,
      ...(lease === undefined ? {} : { lease }),
    },
    ports.stop,
  );
  if (result.kind === "conflict") {
    await catchUp(ports, result.current?.modRevision);
    return undefined;
  }
  await ports.cache.settled(result.revision);
  setRevision(it.object, result.revision);
  const cached = cache.get(it.key);
  const isSame = cached?.revision === result.revision;
  return {
    created: it.ifRevision === 0,
    object: it.object,
    cached: isSame ? cached : undefined,
  };
}

/**
 * Deletes the object if it still has `ifRevision`. False when it has changed or is gone; the cache
 * then knows.
 */
export async function commitDelete(
  ports: RegistryPorts,
  kind: Kind,
  it: { readonly key: string; readonly ifRevision: number },
): Promise<boolean> {
  const key = storeKeyOf(kind, it.key);
  const result = await ports.store.write(
    { kind: "delete", key, ifModRevision: it.ifRevision },
    ports.stop,
  );
  if (result.kind === "conflict") {
    await catchUp(ports, result.current?.modRevision);
    return false;
  }
  await ports.cache.settled(result.revision);
  return true;
}

async function catchUp(ports: RegistryPorts, revision: number | undefined): Promise<void> {
  if (revision === undefined) await ports.cache.fresh({ signal: ports.stop });
  else await ports.cache.settled(revision);
}
