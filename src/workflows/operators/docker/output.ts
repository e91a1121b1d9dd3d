/** A piece of what a container writes. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Buffer;
}

const headerSize = 8;
/** Of the engine; larger ones are not its. */
const frameSizeMax = 64 * 1024 * 1024;

/**
 * The pieces of a log's stream: frames with a header of eight bytes, of which the first says which
 * stream it is and the last four how long it is; with a terminal, the bytes themselves.
 */
export async function* readOutput(
  chunks: AsyncIterable<Buffer>,
  hasTerminal: boolean,
): AsyncGenerator<OutputPiece, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (hasTerminal) {
      yield { stream: "stdout", bytes: chunk };
      continue;
    }
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= headerSize) {
      const size = rest.readUInt32BE(4);
      if (size > frameSizeMax)
        throw new Error("the container's log is not framed as Docker does it");
      if (rest.length < headerSize + size) break;
      const stream = rest[0] === 2 ? "stderr" : "stdout";
      yield { stream, bytes: rest.subarray(headerSize, headerSize + size) };
      rest = rest.subarray(headerSize + size);
    }
  }
}
