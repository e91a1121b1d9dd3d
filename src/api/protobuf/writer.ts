import { bytes, fixed64, varint } from "./wire.ts";

const encoder = new TextEncoder();
const firstSize = 1024;
/** Texts of up to as many units are copied by hand, which is faster than the encoder's call. */
const shortText = 32;

/**
 * Writes a message from its end to its start, so that the length of a nested message is known when
 * its header is written. What is to come first in the message is written last.
 */
export class Writer {
  private buffer = new Uint8Array(firstSize);
  private view = new DataView(this.buffer.buffer);
  private start = firstSize;

  /** What has been written. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.buffer.subarray(this.start);
  }

  /** How many bytes there are; the difference of two lengths is the size of what lies between. */
  get length(): number {
    return this.buffer.length - this.start;
  }

  private reserve(size: number): void {
    if (this.start >= size) return;
    const used = this.length;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, used + size));
    grown.set(this.buffer.subarray(this.start), grown.length - used);
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
    this.start = grown.length - used;
  }

  tag(number: number, wireType: number): void {
    this.unsigned(number * 8 + wireType);
  }

  /** A length-delimited field's header, over what was written since the length was `since`. */
  header(number: number, since: number): void {
    this.unsigned(this.length - since);
    this.tag(number, bytes);
  }

  /** A varint of a whole number from 0 to 2^53. */
  unsigned(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    this.reserve(size);
    this.start -= size;
    let rest = value;
    for (let at = this.start; at < this.start + size - 1; at++) {
      this.buffer[at] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.start + size - 1] = rest;
  }

  integer(number: number, value: number): void {
    if (value >= 0) this.unsigned(value);
    else this.negative(value);
    this.tag(number, varint);
  }

  /** Negative numbers are 64-bit two's complement: always ten bytes. */
  private negative(value: number): void {
    this.reserve(10);
    this.start -= 10;
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let at = 0; at < 10; at++) {
      this.buffer[this.start + at] = Number(rest & 127n) | (at < 9 ? 128 : 0);
      rest >>= 7n;
    }
  }

  boolean(number: number, value: boolean): void {
    this.unsigned(value ? 1 : 0);
    this.tag(number, varint);
  }

  double(number: number, value: number): void {
    this.reserve(8);
    this.start -= 8;
    this.view.setFloat64(this.start, value, true);
    this.tag(number, fixed64);
  }

  data(number: number, value: Uint8Array): void {
    const since = this.length;
    this.reserve(value.length);
    this.start -= value.length;
    this.buffer.set(value, this.start);
    this.header(number, since);
  }

  text(number: number, value: string): void {
    const since = this.length;
    if (value.length > shortText || !this.shortAscii(value)) {
      const encoded = encoder.encode(value);
      this.reserve(encoded.length);
      this.start -= encoded.length;
      this.buffer.set(encoded, this.start);
    }
    this.header(number, since);
  }

  private shortAscii(value: string): boolean {
    this.reserve(value.length);
    const from = this.start - value.length;
    for (let at = 0; at < value.length; at++) {
      const char = value.charCodeAt(at);
      if (char > 127) return false;
      this.buffer[from + at] = char;
    }
    this.start = from;
    return true;
  }
}
