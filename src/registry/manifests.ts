import { isDigest } from "#oci/digest.ts";
import { ManifestError, parseManifest } from "#oci/manifest.ts";
import { isIndexType } from "#oci/media-types.ts";
import { isTag } from "#oci/reference.ts";
import {
  DamagedBlobError,
  DigestMismatchError,
  manifestBytesMax,
  MissingContentError,
  type StoredManifest,
} from "#images/store/image-store.ts";
import type { RegistryContext } from "./context.ts";
import { answer, type Exchange } from "./http/exchange.ts";
import { Refusal } from "./http/refusal.ts";

/** Tags that one push may set. */
const tagsMax = 100;

export interface ManifestAt {
  readonly repository: string;
  readonly reference: string;
}

/** GET and HEAD of a manifest: distribution-spec, Pulling manifests. */
export async function serveManifest(
  context: RegistryContext,
  at: ManifestAt,
  exchange: Exchange,
): Promise<void> {
  const { store, mirror } = context;
  // A tag may have moved at the source; what a digest names never changes.
  const isHere = store.findManifest(at.repository, at.reference) !== undefined;
  if (mirror !== undefined && !(isHere && isDigest(at.reference))) {
    const { repository, reference } = at;
    const waiting = await mirror.fetchManifest(repository, reference, exchange.signal);
    if (waiting !== undefined) {
      answerBytes(exchange, waiting, waiting.bytes);
      return;
    }
  }
  const found = store.findManifest(at.repository, at.reference);
  if (found === undefined) throw unknownManifest(at);
  const served = await negotiate(context, found, at, exchange.request.headers.accept);
  const isHead = exchange.method === "HEAD";
  answerBytes(exchange, served, isHead ? served.sizeBytes : await readBytes(context, served));
}

/** @param bytes or how many, for HEAD. */
function answerBytes(
  exchange: Exchange,
  { digest, mediaType }: { readonly digest: string; readonly mediaType: string },
  bytes: Buffer | number,
): void {
  const etag = `"${digest}"`;
  const headers = { "content-type": mediaType, "docker-content-digest": digest, etag };
  if (exchange.request.headers["if-none-match"] === etag) answer(exchange, 304, headers);
  else if (typeof bytes !== "number") answer(exchange, 200, headers, bytes);
  else answer(exchange, 200, { ...headers, "content-length": bytes });
}

/** PUT of a manifest: distribution-spec, Pushing Manifests. */
export async function putManifest(
  context: RegistryContext,
  at: ManifestAt,
  exchange: Exchange,
): Promise<void> {
  const { request, query } = exchange;
  const bytes = await readBody(exchange);
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim();
  const byDigest = isDigest(at.reference);
  const tags = byDigest ? query.getAll("tag") : [at.reference];
  if (tags.length > tagsMax) {
    throw new Refusal(414, "TAG_INVALID", `at most ${tagsMax} tags in a request`);
  }
  const wrong = tags.find((it) => !isTag(it));
  if (wrong !== undefined) throw new Refusal(400, "TAG_INVALID", `'${wrong}' is no tag`);
  const expected = byDigest ? at.reference : (query.get("digest") ?? undefined);
  if (expected !== undefined && !isDigest(expected)) {
    throw new Refusal(400, "DIGEST_INVALID", `'${expected}' is no sha256 or sha512 digest`);
  }
  const { repository } = at;
  const stored = await refusingBad(async () => {
    return await context.store.putManifest({ repository, bytes, mediaType, expected, tags });
  });
  const { subject } = parseManifest(bytes, mediaType);
  answer(exchange, 201, {
    location: `/v2/${repository}/manifests/${stored.digest}`,
    "docker-content-digest": stored.digest,
    ...(subject === undefined ? {} : { "oci-subject": subject.digest }),
    ...(byDigest && tags.length > 0 ? { "oci-tag": tags.join(", ") } : {}),
  });
}

/** DELETE of a manifest, or of a tag alone. */
export async function deleteManifest(
  { store }: RegistryContext,
  at: ManifestAt,
  exchange: Exchange,
): Promise<void> {
  const { repository, reference } = at;
  const wasThere = isDigest(reference)
    ? await store.deleteManifest(repository, reference)
    : await store.deleteTag(repository, reference);
  if (!wasThere) throw unknownManifest(at);
  answer(exchange, 202, {});
}

/**
 * For clients from before there were indexes, an index is the manifest of linux/amd64 in it, as
 * Docker's registry has it. What a client accepts matters for nothing else.
 */
async function negotiate(
  context: RegistryContext,
  found: StoredManifest,
  at: ManifestAt,
  accept: string | undefined,
): Promise<StoredManifest> {
  if (accept === undefined || !isIndexType(found.mediaType) || isDigest(at.reference)) return found;
  const accepted = accept.split(",").map((it) => it.split(";")[0]?.trim() ?? "");
  const takesAll = accepted.some((it) => it === "*/*" || it === "application/*" || it === "");
  if (takesAll || accepted.some(isIndexType) || !accepted.some((it) => it.includes(".manifest."))) {
    return found;
  }
  const { manifests } = parseManifest(await readBytes(context, found), found.mediaType);
  const child = manifests.find(
    ({ platform }) => platform?.os === "linux" && platform.architecture === "amd64",
  );
  const digest = child?.digest;
  const served =
    digest === undefined ? undefined : context.store.findManifest(found.repository, digest);
  if (served !== undefined) return served;
  throw new Refusal(
    404,
    "MANIFEST_UNKNOWN",
    `${at.reference} is an index without linux/amd64, and the client accepts no index`,
  );
}

async function readBytes(context: RegistryContext, { digest }: StoredManifest): Promise<Buffer> {
  try {
    return await context.store.readManifest(digest);
  } catch (error) {
    if (error instanceof DamagedBlobError)
      throw new Refusal(404, "MANIFEST_UNKNOWN", error.message);
    throw error;
  }
}

async function readBody({ request }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stated = Number(request.headers["content-length"] ?? 0);
  const tooLarge = new Refusal(
    413,
    "MANIFEST_INVALID",
    `a manifest has at most ${manifestBytesMax} bytes`,
  );
  if (stated > manifestBytesMax) throw tooLarge;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > manifestBytesMax) throw tooLarge;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function refusingBad<T>(put: () => Promise<T>): Promise<T> {
  try {
    return await put();
  } catch (error) {
    if (error instanceof ManifestError) throw new Refusal(400, "MANIFEST_INVALID", error.message);
    if (error instanceof DigestMismatchError) {
      throw new Refusal(400, "DIGEST_INVALID", error.message);
    }
    if (error instanceof MissingContentError) {
      const detail = { digests: error.digests.slice(0, 100) };
      throw new Refusal(400, "MANIFEST_BLOB_UNKNOWN", error.message.slice(0, 4_096), { detail });
    }
    throw error;
  }
}

function unknownManifest(at: ManifestAt): Refusal {
  const message = `no manifest ${at.reference} in ${at.repository}`;
  return new Refusal(404, "MANIFEST_UNKNOWN", message);
}
