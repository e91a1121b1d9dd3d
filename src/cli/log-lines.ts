/** A line without its end is given out when it is longer. */
const lineBytesMax = 1024 * 1024;
const newline = 0x0a;

/** Lines with their newlines, empty ones too; a last one without is given one. */
export async function* logLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([rest, chunk.subarray(start, end + 1)]);
      rest = new Uint8Array();
      start = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(start)]);
    if (rest.length < lineBytesMax) continue;
    yield Buffer.concat([rest, Buffer.of(newline)]);
    rest = new Uint8Array();
  }
  if (rest.length > 0) yield Buffer.concat([rest, Buffer.of(newline)]);
}
