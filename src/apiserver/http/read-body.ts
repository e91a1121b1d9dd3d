import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import { badRequest, StatusError } from "#api/status.ts";
import { bodyBytesMax } from "./limits.ts";

const empty = new Uint8Array(0);

/**
 * The whole body.
 * @throws {StatusError} 413 past the limit, 400 when the sender breaks off.
 */
export function readBody(stream: Readable, declaredBytes: string | undefined): Promise<Uint8Array> {
  if (Number(declaredBytes ?? 0) > bodyBytesMax) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyBytesMax) {
        stream.removeAllListeners("data");
        stream.resume();
        reject(tooLarge());
        return;
      }
      if (first === undefined) first = chunk;
      else (chunks ??= [first]).push(chunk);
    });
    stream.on("end", () => {
      resolve(chunks === undefined ? (first ?? empty) : Buffer.concat(chunks, size));
    });
    stream.on("error", (cause) => {
      reject(badRequest("the request body broke off", cause));
    });
    stream.on("aborted", () => {
      reject(badRequest("the request body broke off"));
    });
  });
}

function tooLarge(): StatusError {
  return new StatusError(
    413,
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${bodyBytesMax}`,
  );
}
