import type { Clock } from "#base/clock.ts";
import type { Database } from "#sql/database.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";
import { listAddresses, saveAddress } from "#workflows/state/jobs.ts";

/** Between two looks at who schedules. */
const lookMs = 2_000;

/** Where workers find a scheduler: this one, and the others of its database. */
export class KnownSchedulers {
  readonly #own: SchedulerAddress;
  #all: readonly SchedulerAddress[];

  constructor(own: SchedulerAddress) {
    this.#own = own;
    this.#all = [own];
  }

  /** This one first. */
  get all(): readonly SchedulerAddress[] {
    return this.#all;
  }

  /**
   * Tells the others of this scheduler, and `changed` when there are others than before, until the
   * signal aborts. @param id this scheduler's.
   */
  async run(
    ports: { readonly database: Database; readonly clock: Clock; readonly id: string },
    changed: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { database, clock, id } = ports;
    for (;;) {
      try {
        const all = await listAddresses(database);
        if (!all.some((it) => isSame(it, this.#own))) await saveAddress(database, id, this.#own);
        if (this.#take(all)) changed();
      } catch {
        // A database that does not answer says nothing about who schedules.
      }
      await clock.sleep(lookMs, signal);
    }
  }

  #take(found: readonly SchedulerAddress[]): boolean {
    const all = [this.#own, ...found.filter((it) => !isSame(it, this.#own))];
    const isNew = all.length !== this.#all.length || !all.every((it) => this.#has(it));
    this.#all = all;
    return isNew;
  }

  #has(address: SchedulerAddress): boolean {
    return this.#all.some((it) => isSame(it, address));
  }
}

function isSame(a: SchedulerAddress, b: SchedulerAddress): boolean {
  return a.url === b.url && a.certificateAuthority === b.certificateAuthority;
}
