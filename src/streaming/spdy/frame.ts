/**
 * SPDY/3.1 frames (draft 3.1, section 2.2): two shapes of an 8-byte head, then a payload.
 *
 *   control: 1 | version (15) | type (16) | flags (8) | length (24)
 *   data:    0 | stream id (31)           | flags (8) | length (24)
 */
export type Frame =
  | {
      readonly kind: "syn-stream";
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Uint8Array;
    }
  | {
      readonly kind: "syn-reply" | "headers";
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Uint8Array;
    }
  | { readonly kind: "rst-stream"; readonly streamId: number; readonly status: number }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "goaway"; readonly lastGoodStreamId: number; readonly status: number }
  | { readonly kind: "settings" }
  | { readonly kind: "window-update"; readonly streamId: number; readonly delta: number }
  /** A type that the specification does not know; to be ignored. */
  | { readonly kind: "unknown"; readonly type: number }
  /** A piece of a data frame; `fin` only with the last piece. The chunk may be empty. */
  | {
      readonly kind: "data";
      readonly streamId: number;
      readonly fin: boolean;
      readonly chunk: Uint8Array;
    };

/** The peer sent something that is no SPDY/3.1; the session cannot go on. */
export class SpdyProtocolError extends Error {
  override readonly name = "SpdyProtocolError";
}

/** Status words of RST_STREAM that we send or tell apart (section 2.6.3). */
export const resetStatus = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/** Control frames are held whole in memory before they are read. */
export const controlFrameBytesMax = 128 * 1024;

export const headBytes = 8;
const finFlag = 1;
const versionWord = 0x8003;

const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** The 8 bytes that go before a data payload of `length` bytes (less than 2^24). */
export function dataHead(streamId: number, length: number, fin: boolean): Buffer {
  return words(streamId & 0x7fff_ffff, (fin ? finFlag << 24 : 0) + length);
}

export function encodeSynStream(streamId: number, headerBlock: Uint8Array, fin: boolean): Buffer {
  // Associated stream 0, priority 0, credential slot 0.
  const body = Buffer.concat([words(streamId, 0), Buffer.alloc(2), headerBlock]);
  return control(types.synStream, fin ? finFlag : 0, body);
}

export function encodeSynReply(streamId: number, headerBlock: Uint8Array, fin: boolean): Buffer {
  const body = Buffer.concat([words(streamId), headerBlock]);
  return control(types.synReply, fin ? finFlag : 0, body);
}

export function encodeRstStream(streamId: number, status: number): Buffer {
  return control(types.rstStream, 0, words(streamId, status));
}

export function encodePing(id: number): Buffer {
  return control(types.ping, 0, words(id));
}

export function encodeGoaway(lastGoodStreamId: number): Buffer {
  return control(types.goaway, 0, words(lastGoodStreamId, 0));
}

/** Reads a control frame from its head and payload. @throws {SpdyProtocolError} */
export function decodeControl(head: Buffer, body: Buffer): Frame {
  if (head.readUInt16BE(0) !== versionWord) {
    throw new SpdyProtocolError(
      `expected a SPDY/3 frame, found the bytes ${head.toString("hex", 0, 2)}`,
    );
  }
  const type = head.readUInt16BE(2);
  const fin = (head.readUInt8(4) & finFlag) !== 0;
  if (body.length < (minimumBytes[type] ?? 0)) {
    throw new SpdyProtocolError(`SPDY frame of type ${type} is too short: ${body.length} bytes`);
  }
  switch (type) {
    case types.synStream:
      return { kind: "syn-stream", streamId: id(body), fin, headerBlock: body.subarray(10) };
    case types.synReply:
      return { kind: "syn-reply", streamId: id(body), fin, headerBlock: body.subarray(4) };
    case types.headers:
      return { kind: "headers", streamId: id(body), fin, headerBlock: body.subarray(4) };
    case types.rstStream:
      return { kind: "rst-stream", streamId: id(body), status: body.readUInt32BE(4) };
    case types.ping:
      return { kind: "ping", id: body.readUInt32BE(0) };
    case types.goaway:
      return { kind: "goaway", lastGoodStreamId: id(body), status: body.readUInt32BE(4) };
    case types.settings:
      return { kind: "settings" };
    case types.windowUpdate:
      return {
        kind: "window-update",
        streamId: id(body),
        delta: body.readUInt32BE(4) & 0x7fff_ffff,
      };
    default:
      return { kind: "unknown", type };
  }
}

const minimumBytes: Readonly<Record<number, number>> = {
  [types.synStream]: 10,
  [types.synReply]: 4,
  [types.headers]: 4,
  [types.rstStream]: 8,
  [types.ping]: 4,
  [types.goaway]: 8,
  [types.settings]: 4,
  [types.windowUpdate]: 8,
};

function id(body: Buffer): number {
  return body.readUInt32BE(0) & 0x7fff_ffff;
}

function control(type: number, flags: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(versionWord, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(flags * 0x100_0000 + body.length, 4);
  return Buffer.concat([head, body]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
}
