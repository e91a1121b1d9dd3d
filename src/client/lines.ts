/** A longer line ends the stream with an error: no object of the API is that large. */
export const lineBytesMax = 32 * 1024 * 1024;

const newline = 0x0a;

/** The lines of bytes that hold whole lines. */
export function linesIn(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    if (end > start) lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

/**
 * Splits a byte stream at newlines, giving for each chunk the lines that it completes. Pieces of a
 * line are joined once, when its end arrives, so that a long line costs its length and no more.
 * An unfinished last line is dropped: its sender was cut off.
 * @throws {Error} for a line longer than {@link lineBytesMax}.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number = lineBytesMax,
): AsyncGenerator<readonly Uint8Array[]> {
  let pieces: Uint8Array[] = [];
  let piecesBytes = 0;
  for await (const chunk of chunks) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      pieces.push(chunk.subarray(start, end));
      const line = pieces.length === 1 ? chunk.subarray(start, end) : Buffer.concat(pieces);
      if (line.length > 0) lines.push(line);
      pieces = [];
      piecesBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      pieces.push(chunk.subarray(start));
      piecesBytes += chunk.length - start;
    }
    if (piecesBytes > bytesMax) throw new Error(`line longer than ${bytesMax} bytes`);
    if (lines.length > 0) yield lines;
  }
}
