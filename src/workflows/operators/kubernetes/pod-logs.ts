import type { Client } from "#client/client.ts";
import { readLines } from "#client/lines.ts";
import { pods } from "#client/kinds.ts";
import { objectPath } from "#api/resource.ts";
import type { Clock } from "#base/clock.ts";
import type { TaskLog } from "#workflows/worker/task-log.ts";

/** After a log that ended though its container did not. */
const pauseMs = 1_000;

export interface PodLogOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: TaskLog;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Gets each line, without its time. */
  readonly hear: (line: string) => void;
}

/** Copies the log of a container, each line once however often it must be asked for. */
export class PodLog {
  readonly #options: PodLogOptions;
  /** The time of the last line that was copied, as the server wrote it; undefined: none was. */
  #until: string | undefined;

  /** @param until lines up to this time have been copied before. */
  constructor(options: PodLogOptions, until: string | undefined) {
    this.#options = options;
    this.#until = until;
  }

  get container(): string {
    return this.#options.container;
  }

  get until(): string | undefined {
    return this.#until;
  }

  /** Copies until the container has ended. @param hasEnded is asked when the log ends. */
  async follow(hasEnded: () => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      const ended = hasEnded();
      try {
        await this.#copy(true, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (ended) throw error;
      }
      if (ended) return;
      if (!hasEnded()) await this.#options.clock.sleep(pauseMs, signal);
    }
  }

  /** Copies what there is. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.#copy(false, signal);
  }

  async #copy(follow: boolean, signal: AbortSignal): Promise<void> {
    const { client, namespace, pod, container, log, hear } = this.#options;
    const query = new URLSearchParams({ container, timestamps: "true", follow: String(follow) });
    // Times are compared to the second by the server, and exactly here.
    if (this.#until !== undefined) query.set("sinceTime", this.#until);
    const path = `${objectPath(pods, namespace, pod)}/log?${query.toString()}`;
    const response = await client.raw({ method: "GET", path, headers: {} }, signal);
    for await (const lines of readLines(response.body)) {
      for (const line of lines) {
        const text = Buffer.from(line).toString();
        const space = text.indexOf(" ");
        const time = space < 0 ? text : text.slice(0, space);
        if (this.#until !== undefined && time <= this.#until) continue;
        this.#until = time;
        const said = space < 0 ? "" : text.slice(space + 1);
        log.line("INFO", `[${container}] ${said}`);
        hear(said);
      }
    }
  }
}
