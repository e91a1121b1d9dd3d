import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** How a file with this beginning is compressed. */
export function compressionOf(start: Uint8Array): Compression {
  return magics.find(([, magic]) => magic.every((it, index) => start[index] === it))?.[0] ?? "none";
}

/** Whether the beginning of a file is that of a tar archive. */
export function isTar(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(257, 262)).toString("latin1") === "ustar";
}

/** What compressed content holds. @throws {Error} midway when it is damaged. */
export async function* decompress(
  content: AsyncIterable<Uint8Array>,
  compression: Compression,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === "none") {
    yield* content;
    return;
  }
  const isInternal = compression === "gzip" || compression === "zstd";
  const source = Readable.from(content, { objectMode: false });
  if (isInternal) {
    const unpacker = compression === "gzip" ? createGunzip() : createZstdDecompress();
    source.on("error", (error) => unpacker.destroy(error));
    yield* source.pipe(unpacker);
    return;
  }
  const child = spawn(compression, ["-dc"], { signal, stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  ended.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  source.on("error", () => child.kill());
  source.pipe(child.stdin);
  for await (const chunk of child.stdout) yield chunk as Buffer;
  if ((await ended) !== 0) throw new Error(`the archive is damaged: ${compression} cannot read it`);
}
