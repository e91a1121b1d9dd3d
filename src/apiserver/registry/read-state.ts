import { badRequest, expired } from "#api/status.ts";
import type { CacheState, ResourceCache } from "#apiserver/cache/resource-cache.ts";
import { nextTurn } from "#apiserver/http/exchange.ts";
import { registryPrefix, type Asker } from "#apiserver/cache/registry-cache.ts";
import { CompactedError, FutureRevisionError, prefixEnd, type Entry } from "#store/store.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import type { RegistryPorts } from "./kind.ts";
import { parseRevision, type ListOptions } from "./list-options.ts";

const historyPageEntries = 5_000;

/** The state a list reads, and the key it begins at. */
export interface ListStart {
  readonly state: CacheState;
  /** Empty for the beginning. */
  readonly from: string;
}

/**
 * Finds the state that a list asks for: the latest, one not older than a revision, or exactly the
 * one of a revision. Waits for the cache where it must.
 * @throws {StatusError} 410 for a state that is gone, 504 for one that does not exist yet.
 */
export async function findListStart(
  ports: RegistryPorts,
  cache: ResourceCache,
  options: ListOptions,
  asker: Asker,
): Promise<ListStart> {
  const revision = parseRevision(options.resourceVersion);
  if (options.continue !== "") {
    if (revision !== undefined && revision !== 0) {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const token = decodeContinue(options.continue);
    if (token.revision >= 0) {
      const state = await stateAt(ports, cache, token.revision, token.start);
      return { state, from: token.start };
    }
    await ports.cache.fresh(asker);
    return { state: stateNow(ports, cache), from: token.start };
  }
  if (revision === undefined) await ports.cache.fresh(asker);
  else if (revision > 0) await ports.cache.notOlderThan(revision, asker);
  const isExact =
    options.resourceVersionMatch === "Exact" ||
    (options.resourceVersionMatch === "" && options.limit > 0);
  if (revision !== undefined && revision > 0 && isExact) {
    return { state: await stateAt(ports, cache, revision, ""), from: "" };
  }
  return { state: stateNow(ports, cache), from: "" };
}

/** The latest state. */
export function stateNow(ports: RegistryPorts, cache: ResourceCache): CacheState {
  return { revision: ports.cache.revision, leaves: cache.leaves() };
}

async function stateAt(
  ports: RegistryPorts,
  cache: ResourceCache,
  revision: number,
  from: string,
): Promise<CacheState> {
  const isForgotten = revision < ports.cache.floor;
  if (!isForgotten) {
    // Nothing changed since: the common case, and free.
    if (cache.changedRevision <= revision && revision <= ports.cache.revision) {
      return { revision, leaves: cache.leaves() };
    }
    const kept = cache.kept(revision);
    if (kept !== undefined) return kept;
  }
  try {
    if (isForgotten) throw new CompactedError(ports.cache.floor);
    const state = await readHistory(ports, cache, revision);
    cache.keep(state);
    return state;
  } catch (error) {
    if (error instanceof CompactedError) throw gone(from);
    if (error instanceof FutureRevisionError) throw badRequest("continue key is not valid", error);
    throw error;
  }
}

/** Reads the whole kind as it was. Rare: the states that clients page through are kept. */
async function readHistory(
  ports: RegistryPorts,
  cache: ResourceCache,
  revision: number,
): Promise<CacheState> {
  const prefix = `${registryPrefix}${cache.resource.storageKey}/`;
  const end = prefixEnd(prefix);
  const found: { key: string; entry: Entry }[] = [];
  let start = prefix;
  for (;;) {
    const page = await ports.store.range(
      { start, end, limit: historyPageEntries, revision },
      ports.stop,
    );
    for (const entry of page.entries) found.push({ key: entry.key.slice(prefix.length), entry });
    const last = page.entries.at(-1);
    if (last === undefined || page.entries.length < historyPageEntries) break;
    start = `${last.key}\0`;
    await nextTurn();
  }
  return { revision, leaves: cache.detached(found) };
}

function gone(from: string): Error {
  if (from === "") return expired("The resourceVersion for the provided list is too old.");
  return expired(
    "The provided continue parameter is too old to display a consistent list result. " +
      "You can start a new list without the continue parameter, or use the continue token in " +
      "this response to retrieve the remainder of the results. Continuing with the provided " +
      "token results in an inconsistent list - objects that were created, modified, or deleted " +
      "between the time the first chunk was returned and now may show up in the list.",
    encodeContinue({ revision: -1, start: from }),
  );
}
