import type { ResourceRecord } from "./answer.ts";
import { headerBytes, recordType } from "./codes.ts";

/** What we read of another server's answer. */
export interface Response {
  readonly id: number;
  readonly code: number;
  readonly isTruncated: boolean;
  /** Seconds that it may be kept; 0 when no record says so. */
  readonly ttl: number;
  /** Where the TTLs of its records are. */
  readonly ttlOffsets: readonly number[];
  /** Addresses and aliases among its answers. */
  readonly answers: readonly ResourceRecord[];
}

const recordsMax = 1_000;
const pointersMax = 64;

/** Undefined when it is no well-formed answer. */
export function decodeResponse(message: Uint8Array): Response | undefined {
  try {
    return read(message);
  } catch (error) {
    // What reaches past the end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(message: Uint8Array): Response | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.length < headerBytes || (view.getUint16(2) & 0x8000) === 0) return undefined;
  const flags = view.getUint16(2);
  const [answers, others] = [view.getUint16(6), view.getUint16(8) + view.getUint16(10)];
  if (answers + others > recordsMax) return undefined;
  let at = headerBytes;
  for (let index = 0; index < view.getUint16(4); index += 1) at = nameAt(message, at).end + 4;
  const ttls: number[] = [];
  const ttlOffsets: number[] = [];
  const found: ResourceRecord[] = [];
  for (let index = 0; index < answers + others; index += 1) {
    const { name, end } = nameAt(message, at);
    const type = view.getUint16(end);
    const ttl = view.getUint32(end + 4);
    const length = view.getUint16(end + 8);
    at = end + 10 + length;
    if (at > message.length) return undefined;
    // An OPT record has flags where others have a TTL.
    if (type === recordType.OPT) continue;
    ttls.push(ttl);
    ttlOffsets.push(end + 4);
    const record = index < answers ? dataAt(message, { type, at: end + 10, length }) : undefined;
    if (record !== undefined) found.push({ name, ttl, data: record });
  }
  return {
    id: view.getUint16(0),
    code: flags & 0xf,
    isTruncated: (flags & 0x0200) !== 0,
    ttl: ttls.length === 0 ? 0 : Math.min(...ttls),
    ttlOffsets,
    answers: found,
  };
}

function dataAt(
  message: Uint8Array,
  { type, at, length }: { readonly type: number; readonly at: number; readonly length: number },
): ResourceRecord["data"] | undefined {
  const bytes = message.subarray(at, at + length);
  if (type === recordType.A && length === 4) return { type: "A", address: bytes.join(".") };
  if (type === recordType.AAAA && length === 16) {
    const groups = Array.from({ length: 8 }, (_, index) =>
      (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
    );
    return { type: "AAAA", address: groups.join(":") };
  }
  if (type === recordType.CNAME) return { type: "CNAME", target: nameAt(message, at).name };
  return undefined;
}

/** A name that may be compressed. @throws {RangeError} when it is none. */
function nameAt(
  message: Uint8Array,
  start: number,
): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let end: number | undefined;
  let at = start;
  for (let pointers = 0; ;) {
    const length = message[at];
    if (length === undefined) throw new RangeError("name");
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      end ??= at + 2;
      pointers += 1;
      if (pointers > pointersMax) throw new RangeError("name");
      at = ((length & 0x3f) << 8) | (message[at + 1] ?? 0);
      continue;
    }
    if (length > 63 || at + 1 + length > message.length) throw new RangeError("name");
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}
