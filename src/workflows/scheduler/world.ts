import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ObjectSettings } from "#workflows/objects/settings.ts";
import type { Database } from "#sql/database.ts";
import type { TurnRoom } from "./turn-room.ts";

/** What a scheduler is, and what it may use. */
export interface SchedulerWorld {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** A new text that nobody else has, for attempts and ids. */
  newId(): string;
  readonly host: string;
  readonly pid: number;
  readonly settings: SchedulerSettings;
}

export interface SchedulerSettings {
  /** The name of the executor that a task goes to. */
  readonly executorOf: (task: {
    readonly executor: string | undefined;
    readonly queue: string;
  }) => string;
  /** Most instances of a mapped task. */
  readonly mapLengthMax: number;
  /** What one turn may do; {@link wholeRoom} when undefined. */
  readonly turnRoom?: Readonly<TurnRoom> | undefined;
  /** Where outputs go that are too large for the database; undefined: nowhere. */
  readonly objects?: ObjectSettings | undefined;
}

export const defaultMapLengthMax = 1_024;
