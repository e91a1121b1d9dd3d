import { SpdyProtocolError } from "./frame.ts";

/** Names are lower case on the wire; one value a name is all that Kubernetes uses. */
export type Headers = Readonly<Record<string, string>>;

/** The uncompressed name/value block of SPDY/3 (draft 3.1, section 2.6.10). */
export function encodeHeaders(headers: Headers): Buffer {
  const entries = Object.entries(headers);
  const parts = [count(entries.length)];
  for (const [name, value] of entries) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text);
      parts.push(count(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** @throws {SpdyProtocolError} when the block is cut short. */
export function decodeHeaders(block: Buffer): Headers {
  let at = 0;
  function number(): number {
    if (at + 4 > block.length) throw new SpdyProtocolError("SPDY header block is cut short");
    at += 4;
    return block.readUInt32BE(at - 4);
  }
  function text(): string {
    const length = number();
    if (at + length > block.length) throw new SpdyProtocolError("SPDY header block is cut short");
    at += length;
    return block.toString("utf8", at - length, at);
  }
  const entries: [string, string][] = [];
  for (let left = number(); left > 0; left--) entries.push([text(), text()]);
  return Object.fromEntries(entries);
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
