import type { Descriptor } from "#oci/manifest.ts";

/**
 * The catalogue's keys and values. Names, tags and digests have no `|`, so keys of different things
 * never meet, and sort bytewise within their prefix:
 *
 * ```
 * blob|sha256:4f…                         a blob that lies whole on disk
 * repo|docker.io/library/app              a repository
 * link|docker.io/library/app|sha256:4f…   it may show this blob
 * manifest|docker.io/library/app|sha256:9a…
 * tag|docker.io/library/app|latest
 * uses|sha256:4f…|docker.io/library/app|sha256:9a…   the manifest points to the blob or manifest
 * referrer|docker.io/library/app|sha256:<subject>|sha256:9a…
 * lease|<id>                              until when it holds
 * held|sha256:4f…|<owner>   and   owner|<owner>|sha256:4f…
 * ```
 */
export const keys = {
  blob: (digest: string): string => `blob|${digest}`,
  repository: (repository: string): string => `repo|${repository}`,
  link: (repository: string, digest: string): string => `link|${repository}|${digest}`,
  manifest: (repository: string, digest: string): string => `manifest|${repository}|${digest}`,
  tag: (repository: string, tag: string): string => `tag|${repository}|${tag}`,
  use: (digest: string, repository: string, by: string): string =>
    `uses|${digest}|${repository}|${by}`,
  referrer: (repository: string, subject: string, digest: string): string =>
    `referrer|${repository}|${subject}|${digest}`,
  lease: (id: string): string => `lease|${id}`,
  held: (digest: string, owner: string): string => `held|${digest}|${owner}`,
  owner: (owner: string, digest: string): string => `owner|${owner}|${digest}`,
};

/** All keys that begin with `prefix`, which ends in `|`: from it to the same with the next byte. */
export function rangeOf(prefix: string): { readonly start: string; readonly end: string } {
  return { start: prefix, end: `${prefix.slice(0, -1)}}` };
}

/** The last part of a key. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf("|") + 1);
}

export interface BlobRecord {
  readonly sizeBytes: number;
  /** When it was written or looked for, in milliseconds since the epoch; not to the minute. */
  readonly foundAt: number;
}

export interface ManifestRecord {
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly putAt: number;
  /** Digests of blobs and manifests that it points to. */
  readonly uses: readonly string[];
  /** Its own digest and the subject's; undefined when it has none. */
  readonly subject: string | undefined;
}

export interface TagValue {
  readonly digest: string;
  readonly putAt: number;
}

export interface LeaseValue {
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface PlaceValue {
  readonly at: number;
}

export type Value =
  BlobRecord | ManifestRecord | TagValue | LeaseValue | PlaceValue | Descriptor | true;
