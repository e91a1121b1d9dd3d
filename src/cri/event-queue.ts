import type { RuntimeEvent } from "./runtime.ts";

/**
 * Events that wait for one reader. Equal events are one: the reader looks at the state anyway, so
 * what waits is bounded by the number of containers.
 */
export class EventQueue implements AsyncIterable<RuntimeEvent> {
  readonly #waiting = new Map<string, RuntimeEvent>();
  #ended = false;
  #changed = Promise.withResolvers<undefined>();

  push(event: RuntimeEvent): void {
    if (this.#ended) return;
    this.#waiting.set(`${event.kind} ${event.id}`, event);
    this.#wake();
  }

  /** The reader ends after what waits. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RuntimeEvent, void, undefined> {
    for (;;) {
      const next = this.#waiting.entries().next().value;
      if (next !== undefined) {
        this.#waiting.delete(next[0]);
        yield next[1];
      } else if (this.#ended) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  #wake(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
