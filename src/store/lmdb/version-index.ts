import { SortedMap } from "#store/sorted-map.ts";
import type { Revision } from "#store/store.ts";

/** One version of a key; `createRevision` is 0 for a deletion. */
export interface Version {
  readonly revision: Revision;
  readonly createRevision: Revision;
}

/**
 * Which revisions each key has, in memory; the values stay on disk. Worked example:
 *
 *   5: put /a   6: put /b   7: put /a   8: delete /b
 *   /a -> [5 7]   /b -> [6 8x]   replaced: 7 made 5 history, 8 made 6 history and is itself
 *   compact(7): 5 goes. /a -> [7], /b -> [6 8x], for revision 7 still shows /b@6.
 *   compact(8): 6 and 8 go, and with them /b.
 */
export class VersionIndex {
  readonly #keys = new SortedMap<Version[]>();
  /** Revisions that replaced something, in order, with their key: compaction's work list. */
  #replacing: { readonly revision: Revision; readonly key: string }[] = [];

  /** Keys with a history, live ones and deleted ones that are not compacted yet. */
  get size(): number {
    return this.#keys.size;
  }

  /** Revisions must come in rising order. */
  add(key: string, version: Version): void {
    const versions = this.#keys.get(key);
    if (versions === undefined) this.#keys.set(key, [version]);
    else versions.push(version);
    if (versions !== undefined || version.createRevision === 0) {
      this.#replacing.push({ revision: version.revision, key });
    }
  }

  /** The live version at `revision`, or now; undefined when the key does not exist then. */
  find(key: string, revision?: Revision): Version | undefined {
    return visible(this.#keys.get(key), revision);
  }

  *range(start: string, end: string, revision?: Revision): Generator<[string, Version]> {
    for (const [key, versions] of this.#keys.range(start, end)) {
      const version = visible(versions, revision);
      if (version !== undefined) yield [key, version];
    }
  }

  /** Forgets what only reads before `revision` could see; returns those revisions. */
  compact(revision: Revision): Revision[] {
    const removed: Revision[] = [];
    let done = 0;
    for (const { revision: at, key } of this.#replacing) {
      if (at > revision) break;
      done += 1;
      removed.push(...this.#compactKey(key, at));
    }
    this.#replacing = this.#replacing.slice(done);
    return removed;
  }

  #compactKey(key: string, upTo: Revision): Revision[] {
    const versions = this.#keys.get(key);
    if (versions === undefined) return [];
    const last = versions.findLastIndex((it) => it.revision <= upTo);
    const keepLast = versions[last]?.createRevision !== 0;
    const dropped = versions.splice(0, keepLast ? last : last + 1);
    if (versions.length === 0) this.#keys.delete(key);
    return dropped.map((it) => it.revision);
  }
}

function visible(
  versions: readonly Version[] | undefined,
  revision: Revision | undefined,
): Version | undefined {
  if (versions === undefined) return undefined;
  const found =
    revision === undefined ? versions.at(-1) : versions.findLast((it) => it.revision <= revision);
  return found?.createRevision === 0 ? undefined : found;
}
