import { createHash } from "node:crypto";
import { Content } from "#cri/gen/content_pb.ts";
import { isAlreadyExists } from "./errors.ts";
import type { CallOptions, GrpcConnection } from "./grpc.ts";

export interface Blob {
  /** Unique among the writes under way. */
  readonly ref: string;
  readonly sizeBytes: number;
  /** `sha256:…` when it is known beforehand; containerd then checks it. */
  readonly digest?: string;
  /** Links to other blobs that keep those from garbage collection. */
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: AsyncIterable<Uint8Array>;
}

const writeAction = 1;
const commitAction = 2;
const chunkBytes = 1024 * 1024;

/**
 * Writes one blob into containerd's content store and resolves with its digest. A blob that is there
 * already is success; `bytes` are read to the end in any case.
 * @throws {Error} when the size or the digest is not as announced.
 */
export async function writeBlob(
  connection: GrpcConnection,
  blob: Blob,
  options: CallOptions,
  signal: AbortSignal,
): Promise<string> {
  const call = connection.bidiStream(Content.method.write, options, signal);
  const hash = createHash("sha256");
  let offset = 0;
  /** False once containerd has the blob already. */
  async function send(action: number, data: Uint8Array): Promise<boolean> {
    call.send({
      action,
      ref: blob.ref,
      total: BigInt(blob.sizeBytes),
      expected: blob.digest ?? "",
      offset: BigInt(offset),
      data,
      labels: action === commitAction ? blob.labels : {},
    });
    offset += data.length;
    try {
      const answer = await call.responses.next();
      if (answer.done === true) throw new Error("containerd ended the write of a blob");
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return false;
    }
  }
  try {
    let missing = true;
    for await (const piece of inChunks(blob.bytes)) {
      hash.update(piece);
      if (missing) missing = await send(writeAction, piece);
    }
    if (missing) await send(commitAction, new Uint8Array());
    return `sha256:${hash.digest("hex")}`;
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`write blob ${blob.digest ?? blob.ref} to containerd`, { cause });
  } finally {
    call.end();
    await call.responses.return();
  }
}

/** Joins small pieces and cuts large ones, as each message waits for an answer. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + chunkBytes - size);
      waiting.push(part);
      size += part.length;
      at += part.length;
      if (size === chunkBytes) {
        yield Buffer.concat(waiting);
        waiting = [];
        size = 0;
      }
    }
  }
  if (size > 0) yield Buffer.concat(waiting);
}
