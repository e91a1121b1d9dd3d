import {
  controlFrameBytesMax,
  decodeControl,
  type Frame,
  headBytes,
  SpdyProtocolError,
} from "./frame.ts";

/**
 * Cuts a byte stream into frames, however it arrives. Control frames are collected whole (bounded by
 * `controlFrameBytesMax`); data is passed on as it comes, so a 16 MiB data frame costs no memory.
 */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);
  /** The data frame whose payload is arriving. */
  #data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined;

  /** Frames that `chunk` completes, in order. Take all of them before pushing again. @throws {SpdyProtocolError} */
  *push(chunk: Uint8Array): Generator<Frame, void, undefined> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const frame = this.#next();
      if (frame === undefined) return;
      yield frame;
    }
  }

  #next(): Frame | undefined {
    if (this.#data !== undefined) {
      return this.#pending.length === 0 ? undefined : this.#nextData(this.#data);
    }
    if (this.#pending.length < headBytes) return undefined;
    const length = this.#pending.readUIntBE(5, 3);
    if ((this.#pending.readUInt8(0) & 0x80) === 0) {
      const streamId = this.#pending.readUInt32BE(0);
      const fin = (this.#pending.readUInt8(4) & 1) !== 0;
      this.#take(headBytes);
      if (length === 0) return { kind: "data", streamId, fin, chunk: Buffer.alloc(0) };
      this.#data = { streamId, fin, left: length };
      return this.#next();
    }
    if (length > controlFrameBytesMax) {
      throw new SpdyProtocolError(
        `SPDY control frame of ${length} bytes; at most ${controlFrameBytesMax} are read`,
      );
    }
    if (this.#pending.length < headBytes + length) return undefined;
    const head = this.#take(headBytes);
    return decodeControl(head, this.#take(length));
  }

  #nextData(data: { readonly streamId: number; readonly fin: boolean; left: number }): Frame {
    const chunk = this.#take(Math.min(data.left, this.#pending.length));
    data.left -= chunk.length;
    const last = data.left === 0;
    if (last) this.#data = undefined;
    return { kind: "data", streamId: data.streamId, fin: last && data.fin, chunk };
  }

  #take(length: number): Buffer {
    const taken = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return taken;
  }
}
