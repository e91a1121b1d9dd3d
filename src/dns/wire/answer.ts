import { classInternet, headerBytes, recordType, udpBytesMax } from "./codes.ts";
import type { Query } from "./query.ts";

/** The data of a record; names are without the dot at their end. */
export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME" | "PTR"; readonly target: string }
  | { readonly type: "TXT"; readonly text: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: "SOA";
      readonly primary: string;
      readonly mailbox: string;
      readonly ttl: number;
    };

export interface ResourceRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Answer {
  /** One of `responseCode`. */
  readonly code: number;
  /** The answer is of our own zone. */
  readonly isAuthoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

const responseBits = 0x8000;
const authoritativeBit = 0x0400;
const truncatedBit = 0x0200;
const recursionDesiredBit = 0x0100;
const recursionAvailableBit = 0x0080;
const pointerBits = 0xc000;
/** Where a pointer can still point to. */
const pointerMax = 0x3fff;

/**
 * The answer as bytes, at most `bytesMax` of them: records that do not fit are left out, and the
 * client is told to ask by TCP when answers are among them.
 */
export function encodeAnswer(query: Query, answer: Answer, bytesMax: number): Uint8Array {
  const writer = new Writer(query, bytesMax - (query.hasEdns ? optBytes : 0));
  const answers = writer.records(answer.answers);
  const isTruncated = answers < answer.answers.length;
  const authority = isTruncated ? 0 : writer.records(answer.authority);
  const additional = isTruncated ? 0 : writer.records(answer.additional);
  if (query.hasEdns) writer.opt();
  const flags =
    responseBits |
    (answer.isAuthoritative ? authoritativeBit : 0) |
    (isTruncated ? truncatedBit : 0) |
    (query.recursionDesired ? recursionDesiredBit : 0) |
    recursionAvailableBit |
    answer.code;
  return writer.finish(flags, [1, answers, authority, additional + (query.hasEdns ? 1 : 0)]);
}

/** An answer without a question, to a message that had none. */
export function encodeFault(id: number, code: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, responseBits | code);
  return bytes;
}

const optBytes = 11;

class Writer {
  readonly #bytesMax: number;
  /** Names that were written, and where. */
  readonly #places = new Map<string, number>();
  #bytes: number[];

  constructor(query: Query, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = [...query.question];
    this.#remember(query.name.toLowerCase(), headerBytes);
  }

  /** How many of them fitted. */
  records(list: readonly ResourceRecord[]): number {
    for (const [index, record] of list.entries()) {
      const before = this.#bytes.length;
      this.#record(record);
      if (this.#bytes.length <= this.#bytesMax) continue;
      this.#bytes.length = before;
      for (const [name, at] of this.#places) if (at >= before) this.#places.delete(name);
      return index;
    }
    return list.length;
  }

  opt(): void {
    this.#bytes.push(0);
    this.#u16(recordType.OPT);
    this.#u16(udpBytesMax);
    this.#bytes.push(0, 0, 0, 0, 0, 0);
  }

  finish(flags: number, counts: readonly number[]): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(2, flags);
    for (const [index, count] of counts.entries()) view.setUint16(4 + 2 * index, count);
    return bytes;
  }

  #record({ name, ttl, data }: ResourceRecord): void {
    this.#name(name);
    this.#u16(recordType[data.type]);
    this.#u16(classInternet);
    this.#u32(ttl);
    const lengthAt = this.#bytes.length;
    this.#u16(0);
    this.#data(data);
    const length = this.#bytes.length - lengthAt - 2;
    this.#bytes[lengthAt] = length >> 8;
    this.#bytes[lengthAt + 1] = length & 0xff;
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case "A":
        this.#bytes.push(...data.address.split(".").map(Number));
        return;
      case "AAAA":
        for (const group of expandIpv6(data.address)) this.#u16(group);
        return;
      case "CNAME":
      case "PTR":
        this.#name(data.target);
        return;
      case "TXT":
        this.#bytes.push(data.text.length, ...Buffer.from(data.text, "latin1"));
        return;
      case "SRV":
        for (const value of [data.priority, data.weight, data.port]) this.#u16(value);
        // RFC 2782: no compression of the target.
        this.#name(data.target, false);
        return;
      case "SOA":
        this.#name(data.primary);
        this.#name(data.mailbox);
        // Nobody transfers the zone; only the last, the life of negative answers, is used.
        for (const value of [1, 7200, 1800, 86_400, data.ttl]) this.#u32(value);
    }
  }

  #name(name: string, isCompressed = true): void {
    let rest = name;
    while (rest !== "") {
      const place = this.#places.get(rest.toLowerCase());
      if (place !== undefined && isCompressed) {
        this.#u16(pointerBits | place);
        return;
      }
      const [label = ""] = rest.split(".", 1);
      if (place === undefined && this.#bytes.length <= pointerMax) {
        this.#places.set(rest.toLowerCase(), this.#bytes.length);
      }
      this.#bytes.push(label.length, ...Buffer.from(label, "latin1"));
      rest = rest.slice(label.length + 1);
    }
    this.#bytes.push(0);
  }

  #remember(name: string, start: number): void {
    let at = start;
    let rest = name;
    while (rest !== "") {
      if (!this.#places.has(rest)) this.#places.set(rest, at);
      const [label = ""] = rest.split(".", 1);
      at += label.length + 1;
      rest = rest.slice(label.length + 1);
    }
  }

  #u16(value: number): void {
    this.#bytes.push((value >> 8) & 0xff, value & 0xff);
  }

  #u32(value: number): void {
    this.#u16(Math.floor(value / 65_536));
    this.#u16(value % 65_536);
  }
}

/** The eight groups of an address. */
function expandIpv6(address: string): number[] {
  const [head = "", tail] = address.split("::", 2);
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((it) => Number.parseInt(it, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  return [
    ...before,
    ...Array.from({ length: 8 - before.length - after.length }, () => 0),
    ...after,
  ];
}
