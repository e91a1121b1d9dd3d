/**
 * Bytes that arrived and wait for their one reader. The writer asks `room` before it takes more from
 * the network, so that what waits stays near `boundBytes`. A reader that leaves discards the rest.
 */
export class ByteInbox implements AsyncIterable<Uint8Array> {
  readonly #boundBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #discarding = false;
  #changed = Promise.withResolvers<undefined>();

  constructor(boundBytes: number) {
    this.#boundBytes = boundBytes;
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== undefined || this.#discarding || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake();
  }

  /** No more comes; what waits is still read. With `error` the reader then fails with it. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#wake();
  }

  /** Nobody will read: drops what waits and all that comes. */
  discard(): void {
    this.#discarding = true;
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#wake();
  }

  /** Resolves when less than the bound waits, or nobody will read any more. */
  async room(): Promise<void> {
    while (this.#bytes >= this.#boundBytes && this.#end === undefined) {
      await this.#changed.promise;
    }
  }

  isFull(): boolean {
    return this.#bytes >= this.#boundBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#bytes -= chunk.length;
          this.#wake();
          yield chunk;
        } else if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else if (this.#discarding) {
          return;
        } else {
          await this.#changed.promise;
        }
      }
    } finally {
      this.discard();
    }
  }

  #wake(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
