import { Cron } from "croner";
import { fromWallClock, toWallClock } from "./time-zone.ts";

/** Times that repeat, in milliseconds since the epoch. */
export interface Rhythm {
  /** The first time after `at`. */
  next(at: number): number;
  /** The last time before `at`. */
  previous(at: number): number;
}

const presets: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@quarterly", "0 0 1 */3 *"],
  ["@yearly", "0 0 1 1 *"],
]);

/** The fields that a preset stands for; other texts as they are, blanks normalised. */
export function expandPreset(expression: string): string {
  const trimmed = expression.trim().replaceAll(/\s+/g, " ");
  return presets.get(trimmed) ?? trimmed;
}

/** Where a field of `start/step` ends, by its place in five fields. */
const fieldsMax = [59, 23, 31, 12, 6];

/**
 * The times of a cron expression on the clock of a time zone. As Airflow reads it: the fields go by
 * the wall clock; one that runs in every hour goes by elapsed time, so that the hour that comes twice
 * has its runs twice. @throws {Error} with what is wrong in the expression.
 */
export function cronRhythm(expression: string, timeZone: string): Rhythm {
  const fields = expandPreset(expression).split(" ");
  if (fields.length !== 5 && fields.length !== 6) {
    throw new Error(`bad cron expression '${expression}': expected 5 or 6 fields`);
  }
  const cron = parse(expression, fields);
  const everyHour = fields[1] === "*";
  function step(at: number, find: (wall: Date) => Date | null | undefined): number {
    const wall = toWallClock(at, timeZone);
    const found = find(new Date(wall))?.getTime();
    if (found === undefined) throw new Error(`cron expression '${expression}' has no such time`);
    return everyHour ? at + (found - wall) : fromWallClock(found, timeZone);
  }
  return {
    next: (at) => step(at, (wall) => cron.nextRun(wall)),
    previous: (at) => step(at, (wall) => cron.previousRuns(1, ceilToSecond(wall))[0]),
  };
}

/** The library drops milliseconds, and so would miss the time in the second that has begun. */
function ceilToSecond(at: Date): Date {
  return new Date(Math.ceil(at.getTime() / 1_000) * 1_000);
}

function parse(expression: string, fields: readonly string[]): Cron {
  const [minute, hour, day, month, weekday, second = "0"] = fields.map(standardField);
  // Airflow has the seconds last, the library first.
  const pattern = [second, minute, hour, day, month, weekday].join(" ");
  try {
    const cron = new Cron(pattern, { timezone: "UTC", paused: true });
    if (cron.nextRun(new Date(0)) === null) throw new Error("it never comes");
    return cron;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`bad cron expression '${expression}': ${reason}`, { cause: error });
  }
}

function standardField(field: string, place: number): string {
  return field
    .replaceAll("?", "*")
    .split(",")
    .map((it) => it.replace(/^([^*/-]+)\/(\d+)$/, `$1-${fieldsMax[place] ?? 59}/$2`))
    .join(",");
}

/** Every `everyMs`, from wherever one begins. */
export function deltaRhythm(everyMs: number): Rhythm {
  return { next: (at) => at + everyMs, previous: (at) => at - everyMs };
}

/** `at`, or the first time after it when it is none. */
export function alignToNext(rhythm: Rhythm, at: number): number {
  const next = rhythm.next(at);
  return rhythm.previous(next) === at ? at : next;
}

/** `at`, or the last time before it when it is none. */
export function alignToPrevious(rhythm: Rhythm, at: number): number {
  const previous = rhythm.previous(at);
  return rhythm.next(previous) === at ? at : previous;
}
