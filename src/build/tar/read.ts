import { blockBytes, paddingOf, type TarEntry } from "./entry.ts";
import { decodeHeader, decodePax, sizeOf, toEntry, type RawHeader } from "./header.ts";

/** An entry, and its content while the iteration is at it; content not read is skipped. */
export interface ReadEntry {
  readonly entry: TarEntry;
  readonly content: AsyncGenerator<Buffer, void, undefined>;
}

/** Headers of pax and long names are held in memory. */
const extensionBytesMax = 1_048_576;

/**
 * The entries of a tar archive, in order. Nothing but headers is held in memory.
 * @throws {Error} for an archive that is damaged or ends too early.
 */
export async function* readTar(
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<ReadEntry, void, undefined> {
  const input = new Input(archive[Symbol.asyncIterator]());
  try {
    const shared = new Map<string, string>();
    for (;;) {
      const header = await readHeader(input, shared);
      if (header === undefined) break;
      const entry = toEntry(header.raw, header.pax);
      let left = sizeOf(header.raw, header.pax);
      const padding = paddingOf(left);
      if (entry.kind !== "file" && left > 0) {
        await input.skip(left);
        left = 0;
      }
      const content = contentOf(left);
      yield { entry, content };
      await input.skip(left + padding);

      async function* contentOf(size: number): AsyncGenerator<Buffer, void, undefined> {
        left = size;
        while (left > 0) {
          const chunk = await input.takeUpTo(left);
          left -= chunk.length;
          yield chunk;
        }
      }
    }
    // What is behind the end has to be taken too, or who writes it is cut off.
    await input.drain();
  } finally {
    await input.end();
  }
}

async function readHeader(
  input: Input,
  shared: Map<string, string>,
): Promise<{ readonly raw: RawHeader; readonly pax: Map<string, string> } | undefined> {
  let pax = new Map(shared);
  for (;;) {
    const block = await input.takeBlock();
    const raw = block === undefined ? undefined : decodeHeader(block);
    if (raw === undefined) return undefined;
    const isExtension = "xgLK".includes(raw.flag);
    if (!isExtension) return { raw, pax };
    if (raw.size > extensionBytesMax) throw new Error("the archive has a header that is too large");
    const body = await input.take(raw.size);
    await input.skip(paddingOf(raw.size));
    if (raw.flag === "x") pax = new Map([...pax, ...decodePax(body)]);
    else if (raw.flag === "g") for (const [key, value] of decodePax(body)) setBoth(key, value);
    else
      pax.set(
        raw.flag === "L" ? "path" : "linkpath",
        body.toString("latin1").replace(/\0[\s\S]*$/, ""),
      );
  }

  function setBoth(key: string, value: string): void {
    shared.set(key, value);
    pax.set(key, value);
  }
}

/** Bytes taken in amounts of the taker's choice. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  /** At least one byte and at most `size`. @throws {Error} at the end. */
  async takeUpTo(size: number): Promise<Buffer> {
    if (this.#chunk.length === 0) await this.#fill();
    if (this.#chunk.length === 0) throw new Error("the archive ends in the middle of an entry");
    const taken = this.#chunk.subarray(0, size);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  async take(size: number): Promise<Buffer> {
    if (this.#chunk.length >= size) return size === 0 ? Buffer.alloc(0) : await this.takeUpTo(size);
    const parts: Buffer[] = [];
    for (let left = size; left > 0;) {
      const part = await this.takeUpTo(left);
      left -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** Undefined at the end of the archive, which some writers do not mark. */
  async takeBlock(): Promise<Buffer | undefined> {
    if (this.#chunk.length === 0) await this.#fill();
    return this.#chunk.length === 0 ? undefined : await this.take(blockBytes);
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0;) left -= (await this.takeUpTo(left)).length;
  }

  async drain(): Promise<void> {
    while (!this.#ended) await this.#fill();
  }

  async end(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<void> {
    this.#chunk = Buffer.alloc(0);
    while (!this.#ended && this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#chunk = asBuffer(next.value);
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
