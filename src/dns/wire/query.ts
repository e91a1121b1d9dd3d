import { headerBytes, plainUdpBytesMax, recordType } from "./codes.ts";

/** What a client asks. */
export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** As asked, without the dot at its end; labels are compared without regard to case. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Bytes of the message up to the end of the question; the answer repeats them. */
  readonly question: Uint8Array;
  /** The client speaks EDNS; the answer must say so too. */
  readonly hasEdns: boolean;
  /** How many bytes it takes over UDP. */
  readonly udpBytes: number;
}

/** A message that is no question we can answer; `id` is undefined when it has not even one. */
export interface BadQuery {
  readonly kind: "bad";
  readonly id: number | undefined;
  /** Of the response code, or undefined to say nothing: an answer is never answered. */
  readonly fault: "formatError" | "notImplemented" | undefined;
}

const responseBit = 0x8000;
const opcodeBits = 0x7800;
const recursionBit = 0x0100;
const nameBytesMax = 255;
const labelBytesMax = 63;

/** Reads a query of one question. Never throws. */
export function decodeQuery(message: Uint8Array): Query | BadQuery {
  if (message.length < 2) return { kind: "bad", id: undefined, fault: undefined };
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const id = view.getUint16(0);
  const bad = (fault: BadQuery["fault"]): BadQuery => ({ kind: "bad", id, fault });
  if (message.length < headerBytes) return bad("formatError");
  const flags = view.getUint16(2);
  if ((flags & responseBit) !== 0) return bad(undefined);
  if ((flags & opcodeBits) !== 0) return bad("notImplemented");
  if (view.getUint16(4) !== 1) return bad("formatError");
  const found = readName(message, headerBytes);
  if (found === undefined || found.end + 4 > message.length) return bad("formatError");
  const edns = readEdns(view, found.end + 4);
  return {
    id,
    recursionDesired: (flags & recursionBit) !== 0,
    name: found.name,
    type: view.getUint16(found.end),
    class: view.getUint16(found.end + 2),
    question: message.subarray(0, found.end + 4),
    hasEdns: edns !== undefined,
    udpBytes: Math.max(edns ?? plainUdpBytesMax, plainUdpBytesMax),
  };
}

/** A name without compression, as a question's is. Bytes are taken as Latin-1. */
function readName(
  message: Uint8Array,
  start: number,
): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > labelBytesMax) return undefined;
    at += 1;
    if (length === 0) break;
    if (at + length > message.length || at + length - start >= nameBytesMax) return undefined;
    const bytes = message.subarray(at, at + length);
    labels.push(String.fromCharCode(...bytes));
    at += length;
  }
  return { name: labels.join("."), end: at };
}

/** The size that an OPT record names; it is looked for where a plain query has it, at the root. */
function readEdns(view: DataView, at: number): number | undefined {
  const records = view.getUint16(6) + view.getUint16(8);
  if (records !== 0 || view.getUint16(10) === 0 || at + 5 > view.byteLength) return undefined;
  if (view.getUint8(at) !== 0 || view.getUint16(at + 1) !== recordType.OPT) return undefined;
  return view.getUint16(at + 3);
}
