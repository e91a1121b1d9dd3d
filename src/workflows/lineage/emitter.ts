import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { WorkflowEvent } from "#workflows/state/events.ts";
import { lineageEvent, type LineageNames } from "./run-event.ts";

/** Events that wait to be sent; beyond that the oldest are dropped. */
const waitingMax = 10_000;
/** Times that one is sent before it is given up. */
const attemptsMax = 5;
const pauseMs = 1_000;

export interface LineagePorts extends LineageNames {
  readonly clock: Clock;
  readonly log: Logger;
  /** Sends a body. @throws when it was not taken. */
  readonly post: (body: string, signal: AbortSignal) => Promise<void>;
}

/** Sends what schedulers tell as OpenLineage events, in order. What cannot be sent holds nothing up. */
export class LineageEmitter {
  readonly #ports: LineagePorts;
  readonly #waiting: string[] = [];
  #news = Promise.withResolvers<undefined>();
  #dropped = 0;

  constructor(ports: LineagePorts) {
    this.#ports = ports;
  }

  add(events: readonly WorkflowEvent[]): void {
    for (const it of events) {
      const event = lineageEvent(it, this.#ports);
      if (event === undefined) continue;
      this.#waiting.push(JSON.stringify(event));
      if (this.#waiting.length <= waitingMax) continue;
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.#news.resolve(undefined);
  }

  /** Sends until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const gone = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => {
      gone.resolve(undefined);
    });
    while (!signal.aborted) {
      this.#news = Promise.withResolvers();
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await this.#send(next, signal);
        if (isAborted(signal)) return;
      }
      await Promise.race([this.#news.promise, gone.promise]);
    }
  }

  async #send(body: string, signal: AbortSignal): Promise<void> {
    const { clock, log, post } = this.#ports;
    for (let attempt = 1; !isAborted(signal); attempt += 1) {
      try {
        await post(body, signal);
        return;
      } catch (error) {
        if (attempt >= attemptsMax) {
          this.#dropped += 1;
          const dropped = this.#dropped;
          log.error("a lineage event was not taken", { error: error as Error, dropped });
          return;
        }
        await clock.sleep(pauseMs * attempt, signal).catch(() => undefined);
      }
    }
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
