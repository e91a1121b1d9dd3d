import type { ByteSink } from "./exchange.ts";
import { sinkBytesMax, unsentBytesMax } from "./limits.ts";

/** What a streamed response is written to: a stream of HTTP/2, or the response of HTTP/1.1. */
export interface Outgoing {
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** Bytes that were written and that the connection has not taken yet. */
  readonly writableLength: number;
  /** False when `drain` will follow. */
  write(bytes: Uint8Array): boolean;
  once(event: "drain" | "close", listener: () => void): unknown;
}

/**
 * What streamed responses hold that their clients have not read, as one budget of a server in equal
 * shares: a thousand watchers that read slowly cost what a few do. A stream always takes one write,
 * and as much as Node's own streams take (64 KB), so that none starves.
 */
export class UnsentBytes {
  #streams = 0;

  /** Bytes that one stream may hold at present before its writer has to wait. */
  get share(): number {
    return Math.min(sinkBytesMax, Math.floor(unsentBytesMax / Math.max(this.#streams, 1)));
  }

  /** Where the body of a response is written; it has its share until `outgoing` closes. */
  sinkOf(outgoing: Outgoing): ByteSink {
    this.#streams++;
    outgoing.once("close", () => this.#streams--);
    return {
      write: (bytes) => {
        if (outgoing.destroyed || outgoing.writableEnded) return true;
        // One that says that it takes more sends no `drain`.
        return outgoing.write(bytes) || outgoing.writableLength < this.share;
      },
      onceDrained: (listener) => outgoing.once("drain", listener),
    };
  }
}
