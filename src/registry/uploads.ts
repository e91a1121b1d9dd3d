import { isDigest, parseAlgorithm } from "#oci/digest.ts";
import { DigestMismatchError, StoreFullError } from "#images/store/image-store.ts";
import type { Caller } from "./access.ts";
import type { RegistryContext } from "./context.ts";
import { answer, type Exchange } from "./http/exchange.ts";
import { parseContentRange } from "./http/range.ts";
import { Refusal } from "./http/refusal.ts";
import type { UploadSession } from "./upload-sessions.ts";

/** POST to `uploads/`: mounts a blob, takes one in, or begins an upload. */
export async function beginUpload(
  context: RegistryContext,
  { name, caller }: { readonly name: string; readonly caller: Caller },
  exchange: Exchange,
): Promise<void> {
  const { query } = exchange;
  const mount = query.get("mount");
  if (mount !== null) {
    checkDigest(mount);
    if (await mountBlob(context, { name, caller, digest: mount }, query.get("from"))) {
      answerCreated(exchange, name, mount);
      return;
    }
  }
  const digest = query.get("digest") ?? undefined;
  if (digest !== undefined) checkDigest(digest);
  const session = await context.sessions.begin(name, async () => {
    return await context.store.openWriter({ repository: name, expected: hintOf(query) });
  });
  if (digest === undefined || mount !== null) {
    answer(exchange, 202, progressOf(session));
    return;
  }
  try {
    await context.sessions.use(session, async () => {
      await takeIn(context, session, exchange);
      await complete(context, session, { digest, exchange });
    });
  } catch (error) {
    // Nobody knows of this upload, so nobody can go on with it.
    await context.sessions.end(session);
    throw error;
  }
}

/** PATCH: a chunk. */
export async function continueUpload(
  context: RegistryContext,
  session: UploadSession,
  exchange: Exchange,
): Promise<void> {
  await context.sessions.use(session, async () => {
    await takeIn(context, session, exchange);
  });
  answer(exchange, 202, progressOf(session));
}

/** PUT: the last chunk, if one is left, and the digest. */
export async function completeUpload(
  context: RegistryContext,
  session: UploadSession,
  exchange: Exchange,
): Promise<void> {
  const digest = exchange.query.get("digest");
  if (digest === null) throw new Refusal(400, "DIGEST_INVALID", "the digest is missing");
  checkDigest(digest);
  await context.sessions.use(session, async () => {
    await takeIn(context, session, exchange);
    await complete(context, session, { digest, exchange });
  });
}

/** GET: how far it is. */
export function serveUpload(session: UploadSession, exchange: Exchange): void {
  answer(exchange, 204, progressOf(session));
}

/** DELETE: gives it up. */
export async function cancelUpload(
  context: RegistryContext,
  session: UploadSession,
  exchange: Exchange,
): Promise<void> {
  await context.sessions.use(session, async () => {
    await context.sessions.end(session);
  });
  answer(exchange, 204, {});
}

/**
 * Lets a repository show a blob that another has, if the caller may see it there. Without a source,
 * a caller that may pull from everywhere gets any blob that is here.
 */
async function mountBlob(
  { store }: RegistryContext,
  to: { readonly name: string; readonly caller: Caller; readonly digest: string },
  from: string | null,
): Promise<boolean> {
  const { name, caller, digest } = to;
  const maySee =
    from === null
      ? caller.allows("pull", "*")
      : caller.allows("pull", from) && store.hasLink(from, digest);
  return maySee && (await store.link(name, digest));
}

async function takeIn(
  { sessions }: RegistryContext,
  session: UploadSession,
  { request }: Exchange,
): Promise<void> {
  const { writer } = session;
  const text = request.headers["content-range"];
  const length = request.headers["content-length"];
  if (text !== undefined && length !== "0") {
    const range = parseContentRange(text);
    if (range === undefined) {
      throw new Refusal(400, "BLOB_UPLOAD_INVALID", `bad Content-Range '${text}'`);
    }
    if (range.start !== writer.sizeBytes) {
      const message = `the upload has ${writer.sizeBytes} bytes; the chunk begins at ${range.start}`;
      throw new Refusal(416, "RANGE_INVALID", message, { headers: progressOf(session) });
    }
    if (length !== undefined && Number(length) !== range.end - range.start + 1) {
      const message = `Content-Range is ${text}, Content-Length ${length}`;
      throw new Refusal(400, "SIZE_INVALID", message);
    }
  }
  // An iterator that ends early must leave the connection, on which the answer goes out.
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      await writer.write(chunk as Buffer);
    }
  } catch (error) {
    // What is there of it takes the room that is missing.
    if (error instanceof StoreFullError) await sessions.end(session);
    throw error;
  }
}

async function complete(
  context: RegistryContext,
  session: UploadSession,
  { digest, exchange }: { readonly digest: string; readonly exchange: Exchange },
): Promise<void> {
  try {
    await session.writer.commit(digest);
  } catch (error) {
    if (error instanceof DigestMismatchError) {
      throw new Refusal(400, "DIGEST_INVALID", error.message);
    }
    throw error;
  } finally {
    await context.sessions.end(session);
  }
  answerCreated(exchange, session.repository, digest);
}

function answerCreated(exchange: Exchange, name: string, digest: string): void {
  const location = `/v2/${name}/blobs/${digest}`;
  answer(exchange, 201, { location, "docker-content-digest": digest });
}

function progressOf({ id, repository, writer }: UploadSession): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    // Docker's registry says 0-0 of an empty upload, and clients expect it.
    range: `0-${Math.max(0, writer.sizeBytes - 1)}`,
    "docker-upload-uuid": id,
  };
}

/** The algorithm to hash with from the first byte on, as a digest of it that is not compared. */
function hintOf(query: URLSearchParams): string | undefined {
  const algorithm = query.get("digest-algorithm");
  if (algorithm === null) return query.get("digest") ?? undefined;
  if (parseAlgorithm(algorithm) === undefined) {
    throw new Refusal(400, "DIGEST_INVALID", `no algorithm '${algorithm}' here: sha256 or sha512`);
  }
  return algorithm === "sha512" ? `sha512:${"0".repeat(128)}` : undefined;
}

function checkDigest(digest: string): void {
  if (isDigest(digest)) return;
  const message = `'${digest.slice(0, 200)}' is no sha256 or sha512 digest`;
  throw new Refusal(400, "DIGEST_INVALID", message);
}
