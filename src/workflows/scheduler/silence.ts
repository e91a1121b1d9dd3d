import type { SchedulerJob } from "#workflows/state/jobs.ts";

/** A scheduler that has been silent for so long is dead. */
export const schedulerSilenceMs = 8_000;

/**
 * Who of the other schedulers has fallen silent. Only whether a sign of life is a new one counts, and
 * how long that is ago by this process's own clock: clocks of hosts differ.
 */
export class Silence {
  #heard = new Map<string, { readonly sign: number; readonly since: number }>();

  /** @param now monotonic. @returns those that have said nothing new for too long. */
  observe(jobs: readonly SchedulerJob[], now: number): readonly SchedulerJob[] {
    const heard = new Map<string, { readonly sign: number; readonly since: number }>();
    for (const { id, seenAt } of jobs) {
      const before = this.#heard.get(id);
      const isNew = before?.sign !== seenAt;
      heard.set(id, isNew ? { sign: seenAt, since: now } : before);
    }
    this.#heard = heard;
    return jobs.filter((it) => now - (heard.get(it.id)?.since ?? now) > schedulerSilenceMs);
  }

  /** Nothing could be heard, so that nobody was silent. */
  reset(): void {
    this.#heard.clear();
  }
}
