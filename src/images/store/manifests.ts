import {
  parseManifest,
  requiredDigests,
  type Descriptor,
  type ManifestContent,
} from "#oci/manifest.ts";
import { isRepositoryName, isTag } from "#oci/reference.ts";
import type { Catalog } from "./catalog.ts";
import {
  MissingContentError,
  type ImageAt,
  type PutManifest,
  type StoredManifest,
  type TagRecord,
} from "./image-store.ts";
import { keys, lastPart, type ManifestRecord } from "./records.ts";

/** A manifest that was read, and what keeping it takes. */
export interface Prepared {
  readonly content: ManifestContent;
  readonly blobs: readonly string[];
  readonly manifests: readonly string[];
}

/** @throws {ManifestError} @throws {Error} for names that no store keeps. */
export function prepareManifest(put: PutManifest): Prepared {
  checkRepository(put.repository);
  for (const tag of put.tags) checkTag(tag);
  const content = parseManifest(put.bytes, put.mediaType);
  return { content, ...requiredDigests(content) };
}

/** Within a change: records a manifest whose bytes are a blob already. */
export function recordManifest(
  catalog: Catalog,
  put: PutManifest & { readonly digest: string; readonly now: number },
  { content, blobs, manifests }: Prepared,
): StoredManifest {
  const { repository, digest, now } = put;
  const missing = blobs.filter((it) => catalog.blob(it) === undefined);
  if (put.allowMissing !== "manifests") {
    missing.push(...manifests.filter((it) => catalog.manifest(repository, it) === undefined));
  }
  if (missing.length > 0) throw new MissingContentError(missing);
  const before = catalog.manifest(repository, digest);
  const record: ManifestRecord = {
    mediaType: content.mediaType,
    sizeBytes: put.bytes.length,
    putAt: before?.putAt ?? now,
    uses: [digest, ...blobs, ...manifests],
    subject: content.subject?.digest,
  };
  ensureRepository(catalog, repository, now);
  catalog.put(keys.manifest(repository, digest), record);
  for (const used of record.uses) catalog.put(keys.use(used, repository, digest), true);
  for (const blob of blobs) linkBlob(catalog, { repository, digest: blob }, now);
  if (content.subject !== undefined) {
    const key = keys.referrer(repository, content.subject.digest, digest);
    catalog.put(key, referrerDescriptor(digest, put.bytes.length, content));
  }
  for (const tag of put.tags) catalog.put(keys.tag(repository, tag), { digest, putAt: now });
  return { repository, digest, ...pick(record) };
}

/** Within a change. False when the repository has no such manifest. */
export function removeManifest(catalog: Catalog, repository: string, digest: string): boolean {
  const record = catalog.manifest(repository, digest);
  if (record === undefined) return false;
  for (const { tag } of tagsOf(catalog, repository)) {
    if (catalog.tag(repository, tag)?.digest === digest) catalog.remove(keys.tag(repository, tag));
  }
  for (const used of record.uses) catalog.remove(keys.use(used, repository, digest));
  if (record.subject !== undefined) {
    catalog.remove(keys.referrer(repository, record.subject, digest));
  }
  catalog.remove(keys.manifest(repository, digest));
  return true;
}

/** By tag or by digest. */
export function findManifest(
  catalog: Catalog,
  { repository, reference }: ImageAt,
): StoredManifest | undefined {
  const digest = reference.includes(":") ? reference : catalog.tag(repository, reference)?.digest;
  const record = digest === undefined ? undefined : catalog.manifest(repository, digest);
  if (digest === undefined || record === undefined) return undefined;
  return { repository, digest, ...pick(record) };
}

/** Within a change: a manifest, and of an index all that are there, with their blobs and a tag. */
export function copyManifest(
  catalog: Catalog,
  at: { readonly from: ImageAt; readonly to: ImageAt },
  now: number,
): StoredManifest | undefined {
  const source = findManifest(catalog, at.from);
  if (source === undefined) return undefined;
  const { repository } = at.to;
  ensureRepository(catalog, repository, now);
  copyRecords(catalog, source, repository, now);
  const { digest } = source;
  catalog.put(keys.tag(repository, at.to.reference), { digest, putAt: now });
  return { ...source, repository, putAt: now };
}

export function tagsOf(
  catalog: Catalog,
  repository: string,
  page: { after?: string | undefined; limit?: number } = {},
): TagRecord[] {
  return catalog.keysOf(keys.tag(repository, ""), page).flatMap((key) => {
    const tag = lastPart(key);
    const value = catalog.tag(repository, tag);
    return value === undefined ? [] : [{ tag, ...value }];
  });
}

/** Within a change: lets a repository show a blob, which counts as found by that. */
export function linkBlob(
  catalog: Catalog,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  now: number,
): void {
  ensureRepository(catalog, repository, now);
  catalog.put(keys.link(repository, digest), { at: now });
  const blob = catalog.blob(digest);
  if (blob !== undefined) catalog.put(keys.blob(digest), { ...blob, foundAt: now });
}

export function checkRepository(name: string): void {
  if (!isRepositoryName(name)) throw new Error(`'${name}' does not name a repository`);
}

export function checkTag(tag: string): void {
  if (!isTag(tag)) throw new Error(`'${tag}' is no tag: up to 128 of A-Z a-z 0-9 _ . -`);
}

function copyRecords(
  catalog: Catalog,
  { repository: from, digest }: StoredManifest,
  to: string,
  now: number,
): void {
  const record = catalog.manifest(from, digest);
  if (record === undefined || catalog.manifest(to, digest) !== undefined) return;
  catalog.put(keys.manifest(to, digest), { ...record, putAt: now });
  for (const used of record.uses) {
    catalog.put(keys.use(used, to, digest), true);
    const below =
      used === digest ? undefined : findManifest(catalog, { repository: from, reference: used });
    if (below !== undefined) copyRecords(catalog, below, to, now);
    else if (used !== digest) linkBlob(catalog, { repository: to, digest: used }, now);
  }
  if (record.subject === undefined) return;
  const referrer = catalog.referrer(keys.referrer(from, record.subject, digest));
  if (referrer !== undefined) catalog.put(keys.referrer(to, record.subject, digest), referrer);
}

function ensureRepository(catalog: Catalog, repository: string, now: number): void {
  if (catalog.repository(repository) === undefined) {
    catalog.put(keys.repository(repository), { at: now });
  }
}

/** As the referrers API shows it: distribution-spec, Listing Referrers. */
function referrerDescriptor(digest: string, size: number, content: ManifestContent): Descriptor {
  const { mediaType, artifactType, annotations } = content;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function pick(record: ManifestRecord): Pick<StoredManifest, "mediaType" | "sizeBytes" | "putAt"> {
  const { mediaType, sizeBytes, putAt } = record;
  return { mediaType, sizeBytes, putAt };
}
