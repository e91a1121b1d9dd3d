import { badRequest, type StatusError } from "#api/status.ts";
import { bytes, fixed32, fixed64, varint } from "./wire.ts";

const decoder = new TextDecoder();
const shortText = 24;

function malformed(why: string): StatusError {
  return badRequest(`the body is not protobuf: ${why}`);
}

/** Reads the fields of one message. All methods throw a 400 when the bytes end early. */
export class Reader {
  private readonly data: Uint8Array;
  private at: number;
  private readonly end: number;
  /** Of the field that {@link next} moved to. */
  number = 0;
  wireType = 0;

  constructor(data: Uint8Array, start = 0, end: number = data.length) {
    this.data = data;
    this.at = start;
    this.end = end;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const key = this.unsigned();
    this.number = Math.floor(key / 8);
    this.wireType = key % 8;
    if (this.number === 0) throw malformed("a field has the number 0");
    return true;
  }

  private byte(): number {
    const byte = this.at < this.end ? this.data[this.at] : undefined;
    if (byte === undefined) throw malformed("it ends in the middle of a field");
    this.at++;
    return byte;
  }

  /** A varint that is a length or a tag. */
  private unsigned(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 5; count++) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw malformed("a length is too long");
  }

  /** A 32 or 64-bit integer; refused when a double cannot hold it. */
  integer(): number {
    this.expect(varint);
    let low = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.byte();
      low += (byte & 127) * 2 ** shift;
      if (byte < 128) return low;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return exact(BigInt.asIntN(64, value));
    }
    throw malformed("an integer has more than ten bytes");
  }

  boolean(): boolean {
    return this.integer() !== 0;
  }

  double(): number {
    this.expect(fixed64);
    const start = this.advance(8);
    return new DataView(this.data.buffer, this.data.byteOffset + start, 8).getFloat64(0, true);
  }

  /** The bytes of the field, shared with the message. */
  bytes(): Uint8Array {
    this.expect(bytes);
    const length = this.unsigned();
    const start = this.advance(length);
    return this.data.subarray(start, start + length);
  }

  text(): string {
    this.expect(bytes);
    const length = this.unsigned();
    const start = this.advance(length);
    if (length <= shortText) {
      let text = "";
      let at = start;
      for (; at < start + length; at++) {
        const byte = this.data[at] ?? 0;
        if (byte > 127) break;
        text += String.fromCharCode(byte);
      }
      if (at === start + length) return text;
    }
    return decoder.decode(this.data.subarray(start, start + length));
  }

  /** A reader of the nested message. */
  message(): Reader {
    this.expect(bytes);
    const length = this.unsigned();
    const start = this.advance(length);
    return new Reader(this.data, start, start + length);
  }

  /** Passes over a field that nobody knows: a newer client may send it. */
  skip(): void {
    switch (this.wireType) {
      case varint:
        while (this.byte() >= 128);
        return;
      case fixed64:
        this.advance(8);
        return;
      case bytes:
        this.advance(this.unsigned());
        return;
      case fixed32:
        this.advance(4);
        return;
      default:
        throw malformed(`field ${this.number} has the wire type ${this.wireType}`);
    }
  }

  private advance(length: number): number {
    const start = this.at;
    if (start + length > this.end) throw malformed("it ends in the middle of a field");
    this.at = start + length;
    return start;
  }

  private expect(wireType: number): void {
    if (this.wireType === wireType) return;
    throw malformed(`field ${this.number} has the wire type ${this.wireType}, not ${wireType}`);
  }
}

function exact(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw badRequest(`the integer ${value.toString()} is beyond 2^53`);
}
