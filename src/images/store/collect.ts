import type { BlobFiles } from "./blob-files.ts";
import type { Catalog } from "./catalog.ts";
import type { Collected } from "./image-store.ts";
import { endLease, isHeld } from "./leases.ts";
import { removeManifest, tagsOf } from "./manifests.ts";
import { keys, lastPart } from "./records.ts";

/** Looked at in one transaction, which writers of all processes wait for. */
const batchSize = 200;

export interface CollectTimes {
  readonly now: number;
  /** Blobs found before are not needed by whoever found them. */
  readonly foundBefore: number;
  /** Untagged manifests put before go; undefined: none does. */
  readonly untaggedBefore: number | undefined;
}

/**
 * Removes what nothing needs, a batch at a time. What it looks at may change in between, so each
 * decision is made again in the transaction that acts on it, and a blob's file goes in a transaction
 * after the one that removed its record: a crash leaves a file too many, never one too few.
 */
export async function collectGarbage(
  { catalog, files }: { readonly catalog: Catalog; readonly files: BlobFiles },
  times: CollectTimes,
  signal: AbortSignal,
): Promise<Collected> {
  await endLeases(catalog, times.now);
  const manifests = await collectManifests(catalog, times, signal);
  await collectLinks(catalog, times, signal);
  const { blobs, freedBytes } = await collectBlobs(catalog, files, { times, signal });
  await collectRepositories(catalog, times);
  await files.removeStale(times.foundBefore);
  return { blobs, manifests, freedBytes };
}

async function endLeases(catalog: Catalog, now: number): Promise<void> {
  catalog.refresh();
  for (const id of catalog.keysOf("lease|").map(lastPart)) {
    await catalog.change(() => {
      const lease = catalog.lease(id);
      if (lease !== undefined && lease.until < now) endLease(catalog, id);
    });
  }
}

/** Removes untagged manifests, from the outside in: an index goes before what it points to. */
async function collectManifests(
  catalog: Catalog,
  { untaggedBefore }: CollectTimes,
  signal: AbortSignal,
): Promise<number> {
  if (untaggedBefore === undefined) return 0;
  let removed = 0;
  for (const repository of namesOf(catalog)) {
    for (let found = -1; found !== removed;) {
      signal.throwIfAborted();
      found = removed;
      removed += await removeUntagged(catalog, repository, untaggedBefore);
    }
  }
  return removed;
}

async function removeUntagged(
  catalog: Catalog,
  repository: string,
  before: number,
): Promise<number> {
  return await catalog.change(() => {
    const tagged = new Set(tagsOf(catalog, repository).map((it) => it.digest));
    let removed = 0;
    for (const digest of catalog.keysOf(keys.manifest(repository, "")).map(lastPart)) {
      const record = catalog.manifest(repository, digest);
      if (record === undefined || record.putAt >= before || tagged.has(digest)) continue;
      const hasSubject =
        record.subject !== undefined && catalog.manifest(repository, record.subject) !== undefined;
      if (hasSubject || isPartOfIndex(catalog, repository, digest)) continue;
      removeManifest(catalog, repository, digest);
      removed++;
    }
    return removed;
  });
}

function isPartOfIndex(catalog: Catalog, repository: string, digest: string): boolean {
  // A manifest uses itself, so that its blob stays.
  const users = catalog.keysOf(keys.use(digest, repository, ""), { limit: 2 }).map(lastPart);
  return users.some((it) => it !== digest);
}

/** What was pushed to a repository, and no manifest of it uses. */
async function collectLinks(
  catalog: Catalog,
  { foundBefore }: CollectTimes,
  signal: AbortSignal,
): Promise<void> {
  for (const repository of namesOf(catalog)) {
    const links = catalog.keysOf(keys.link(repository, "")).map(lastPart);
    for (const batch of batchesOf(links)) {
      signal.throwIfAborted();
      await catalog.change(() => {
        for (const digest of batch) {
          const link = catalog.link(repository, digest);
          if (link === undefined || link.at >= foundBefore) continue;
          if ((catalog.blob(digest)?.foundAt ?? 0) >= foundBefore) continue;
          if (!catalog.isUsed(digest, repository)) catalog.remove(keys.link(repository, digest));
        }
      });
    }
  }
}

async function collectBlobs(
  catalog: Catalog,
  files: BlobFiles,
  { times, signal }: { readonly times: CollectTimes; readonly signal: AbortSignal },
): Promise<{ readonly blobs: number; readonly freedBytes: number }> {
  let blobs = 0;
  let freedBytes = 0;
  // Files without a record too: what a crash left, between a file's link and its record.
  const digests = await files.list();
  for (const batch of batchesOf(digests)) {
    signal.throwIfAborted();
    const gone = await catalog.change(() => batch.filter((it) => dropRecord(catalog, it, times)));
    await catalog.change(() => {
      for (const digest of batch) {
        // A writer that is between its file's name and its record gives the name again.
        if (catalog.blob(digest) === undefined) freedBytes += files.removeNow(digest);
      }
    });
    blobs += gone.length;
  }
  return { blobs, freedBytes };
}

/** Within a change: true when nothing needed the blob, and its record is gone. */
function dropRecord(catalog: Catalog, digest: string, { foundBefore }: CollectTimes): boolean {
  const record = catalog.blob(digest);
  if (record === undefined || record.foundAt >= foundBefore) return false;
  if (catalog.isUsed(digest) || isHeld(catalog, digest)) return false;
  // A link that is young would have made the blob found then: there is none left.
  catalog.remove(keys.blob(digest));
  return true;
}

async function collectRepositories(catalog: Catalog, { foundBefore }: CollectTimes): Promise<void> {
  catalog.refresh();
  for (const repository of namesOf(catalog)) {
    await catalog.change(() => {
      const isEmpty = ["manifest", "link", "tag"].every(
        (it) => catalog.keysOf(`${it}|${repository}|`, { limit: 1 }).length === 0,
      );
      const record = catalog.repository(repository);
      if (isEmpty && record !== undefined && record.at < foundBefore) {
        catalog.remove(keys.repository(repository));
      }
    });
  }
}

function namesOf(catalog: Catalog): string[] {
  return catalog.keysOf("repo|").map(lastPart);
}

function* batchesOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}
