import type { Clock } from "#base/clock.ts";
import type { Database } from "#sql/database.ts";
import type { Vault } from "#workflows/state/vault.ts";
import { formatMoment } from "#dag/timetable/moment.ts";

/** What a verb of the command line works with. */
export interface VerbSession {
  readonly database: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly logsFolder: string;
  out(text: string): void;
  /** For what is not the verb's result. */
  err(text: string): void;
}

/** `2026-01-31T00:00:00+00:00`, or null. */
export function when(at: number | undefined): string | null {
  return at === undefined ? null : formatMoment(at);
}
