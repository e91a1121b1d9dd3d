import { promisify } from "node:util";
import { constants, crc32, deflateRaw, deflateRawSync } from "node:zlib";

const deflate = promisify(deflateRaw);

/** Compressed by themselves, so that all processors take part. */
const blockBytes = 512 * 1024;
/** What deflate looks back. */
const windowBytes = 32_768;
/** Blocks that are compressed at a time. */
const blocksAtOnce = 4;
/** Most of what a higher level gains, in a third of its time. */
const level = 4;

/** Of a block, how much is looked at to tell whether it can be made smaller. */
const sampleBytes = 8_192;
/** What was compressed before stays as large as it is, and is only packed. */
const worthwhile = 0.97;

const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** An empty block that ends the stream. */
const lastBlock = Buffer.from([3, 0]);

/**
 * gzip with several processors, as pigz does it: one stream, of blocks that know the end of the one
 * before. The same content gives the same bytes.
 */
export async function* gzip(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  yield header;
  let crc = 0;
  let size = 0;
  let dictionary: Buffer = Buffer.alloc(0);
  const running: Promise<Buffer>[] = [];
  for await (const block of blocksOf(content)) {
    crc = crc32(block, crc);
    size += block.length;
    const options = {
      level: isCompressible(block) ? level : 0,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length === 0 ? {} : { dictionary }),
    };
    const compressed = deflate(block, options);
    // Awaited in their order; one that fails early is not unheard.
    compressed.catch(() => undefined);
    running.push(compressed);
    dictionary = block.subarray(-windowBytes);
    if (running.length >= blocksAtOnce) yield (await running.shift()) ?? Buffer.alloc(0);
  }
  for (const compressed of running) yield await compressed;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([lastBlock, trailer]);
}

/** Whether compressing a block is worth the time. The same block gives the same answer. */
function isCompressible(block: Buffer): boolean {
  const middle = Math.floor(block.length / 2);
  const samples = [block.subarray(0, sampleBytes), block.subarray(middle, middle + sampleBytes)];
  return samples.some((it) => deflateRawSync(it, { level: 1 }).length < it.length * worthwhile);
}

/** The content in blocks of one size, but for the last. */
async function* blocksOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + blockBytes - bytes);
      parts.push(part);
      bytes += part.length;
      at += part.length;
      if (bytes < blockBytes) continue;
      yield Buffer.concat(parts);
      [parts, bytes] = [[], 0];
    }
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
