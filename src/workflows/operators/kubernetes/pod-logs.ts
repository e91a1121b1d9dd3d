import type { Client } from "#client/client.ts";
import { readLines } from "#client/lines.ts";
import { pods } from "#client/kinds.ts";
import { objectPath } from "#api/resource.ts";
import type { Clock } from "#base/clock.ts";
import type { TaskLog } from "#workflows/worker/task-log.ts";
import { mayPass } from "#workflows/kubernetes/patience.ts";
import { compareLogTimes } from "./log-time.ts";

/** After a log that ended though its container did not. */
const pauseMs = 1_000;

export interface PodLogOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: TaskLog;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Gets each line, and its time as the server wrote it. */
  readonly hear: (line: string, time: string) => void | Promise<void>;
}

/** Copies the log of a container, each line once however often it must be asked for. */
export class PodLog {
  readonly #options: PodLogOptions;
  /** The time of the last line that was copied, as the server wrote it; undefined: none was. */
  #until: string | undefined;
  /** How many lines of that time were copied: several may have the same. */
  #linesOfUntil = Infinity;

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
      let isWhole = true;
      try {
        await this.#copy(true, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (ended && !mayPass(error)) throw error;
        isWhole = false;
      }
      if (ended && isWhole) return;
      if (!isWhole || !hasEnded()) await this.#options.clock.sleep(pauseMs, signal);
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
    const isNew = this.#newLines();
    for await (const lines of readLines(response.body)) {
      for (const line of lines) {
        const text = Buffer.from(line).toString();
        const space = text.indexOf(" ");
        const time = space < 0 ? text : text.slice(0, space);
        if (!isNew(time)) continue;
        this.#linesOfUntil = time === this.#until ? this.#linesOfUntil + 1 : 1;
        this.#until = time;
        const said = space < 0 ? "" : text.slice(space + 1);
        log.line("INFO", `[${container}] ${said}`);
        await hear(said, time);
      }
    }
  }

  /** Tells the lines of a log that is asked for again from those that were copied before. */
  #newLines(): (time: string) => boolean {
    const [until, copied] = [this.#until, this.#linesOfUntil];
    let isRepeating = until !== undefined;
    let same = 0;
    return (time) => {
      if (!isRepeating || until === undefined) return true;
      const order = compareLogTimes(time, until);
      if (order > 0) isRepeating = false;
      else if (order < 0 || same < copied) {
        if (order === 0) same += 1;
        return false;
      }
      return true;
    };
  }
}
