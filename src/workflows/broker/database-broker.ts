import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { textOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import type { Broker, QueuedJob, QueuedTry } from "./broker.ts";

/** Until who wants to listen asks again for a database that is away. */
const retryMs = 1_000;

/** Queues as a table of the workflows' database, which stays its opener's to close. */
export class DatabaseBroker implements Broker {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async put(job: QueuedJob): Promise<void> {
    await this.#database.run(
      `insert into worker_queue (attempt, queue, weight, at, message) values (?, ?, ?, ?, ?)
       on conflict (attempt) do update set message = excluded.message`,
      job.attempt,
      job.queue,
      job.weight,
      this.#clock.now(),
      JSON.stringify(job),
    );
    await this.#database.notify();
  }

  async take(queues: readonly string[], count: number): Promise<readonly QueuedJob[]> {
    // Workers that look at the same time pass over what another is about to take.
    const lock = this.#database.dialect === "postgres" ? "for update skip locked" : "";
    const rows = await this.#database.rows(
      `delete from worker_queue where attempt in (
         select attempt from worker_queue where queue in (${placesFor(queues)})
         order by weight desc, at limit ? ${lock})
       returning message`,
      ...queues,
      count,
    );
    return rows.map((it) => JSON.parse(textOf(it, "message")) as QueuedJob);
  }

  async waiting(tries: readonly QueuedTry[]): Promise<ReadonlySet<string>> {
    if (tries.length === 0) return new Set();
    const attempts = tries.map((it) => it.attempt);
    const rows = await this.#database.rows(
      `select attempt from worker_queue where attempt in (${placesFor(attempts)})`,
      ...attempts,
    );
    return new Set(rows.map((it) => textOf(it, "attempt")));
  }

  async remove({ attempt }: QueuedTry): Promise<void> {
    await this.#database.run("delete from worker_queue where attempt = ?", attempt);
  }

  listen(_: readonly string[], listener: () => void): Promise<AsyncDisposable> {
    const stack = new AsyncDisposableStack();
    const begun = stack.use(new TaskGroup(() => undefined));
    begun.start(async (signal) => {
      for (;;) {
        try {
          const listening = await this.#database.listen(listener);
          stack.use(listening);
          listener();
          return;
        } catch {
          await this.#clock.sleep(retryMs, signal);
        }
      }
    });
    return Promise.resolve(stack);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function placesFor(values: readonly string[]): string {
  return values.map(() => "?").join(", ");
}
