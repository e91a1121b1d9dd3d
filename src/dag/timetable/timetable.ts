import { describeCondition } from "#dag/assets/asset.ts";
import type { ScheduleModel, TimeSchedule } from "#dag/model/model.ts";
import { alignToNext, alignToPrevious, cronRhythm, deltaRhythm, type Rhythm } from "./cron.ts";

/** The span of data that a run is about, in milliseconds since the epoch. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

export interface RunTime {
  readonly interval: Interval;
  /** The run starts no earlier. */
  readonly runAfter: number;
}

export interface Restriction {
  /** Of the newest run that the schedule made; undefined before the first. */
  readonly last: Interval | undefined;
  readonly earliest: number | undefined;
  readonly latest: number | undefined;
  /** Whether runs that were missed are made up for. */
  readonly catchup: boolean;
  readonly now: number;
}

/**
 * The next run that a schedule asks for, which may lie in the future; undefined when there is none.
 * As the timetables of Airflow's `airflow.timetables`.
 */
export function nextRun(given: ScheduleModel, at: Restriction): RunTime | undefined {
  const schedule = timePart(given);
  switch (schedule.kind) {
    case "custom":
      // What the author's function says is asked for elsewhere.
      return undefined;
    case "none":
      return undefined;
    case "events":
      return nextEvent(schedule.times, at);
    case "once":
      return nextOnce(at);
    case "continuous":
      return nextContinuous(at);
    case "delta":
      return schedule.triggerIntervalMs === undefined
        ? nextInterval(deltaRhythm(schedule.everyMs), latestDelta(schedule.everyMs, at), at)
        : nextTrigger([deltaRhythm(schedule.everyMs)], schedule.triggerIntervalMs, at);
    case "cron":
      return schedule.mode === "interval" && schedule.expressions.length === 1
        ? nextCronInterval(schedule, at)
        : nextTrigger(rhythmsOf(schedule), schedule.intervalMs, at);
  }
}

/** The part of a schedule that goes by the clock. */
export function timePart(schedule: ScheduleModel): TimeSchedule {
  if (schedule.kind === "assets") return { kind: "none" };
  return schedule.kind === "assets_or_time" ? schedule.time : schedule;
}

type CronSchedule = Extract<ScheduleModel, { readonly kind: "cron" }>;

function exact(at: number): RunTime {
  return { interval: { start: at, end: at }, runAfter: at };
}

function nextOnce({ last, earliest, latest, now }: Restriction): RunTime | undefined {
  if (last !== undefined) return undefined;
  const at = earliest ?? now;
  return latest !== undefined && at > latest ? undefined : exact(at);
}

function nextContinuous({ last, earliest, latest, now }: Restriction): RunTime | undefined {
  if (earliest === undefined) return undefined;
  let interval = { start: earliest, end: Math.max(earliest, now) };
  if (last !== undefined) {
    interval =
      last.end > now
        ? { start: earliest, end: earliest + (last.end - last.start) }
        : { start: last.end, end: now };
  }
  if (latest !== undefined && interval.end > latest) return undefined;
  return { interval, runAfter: interval.end };
}

function nextEvent(
  times: readonly number[],
  { last, earliest, latest, catchup, now }: Restriction,
): RunTime | undefined {
  const from = catchup ? (earliest ?? -Infinity) : Math.max(earliest ?? now, now);
  const next = times.find((it) => it >= from && (last === undefined || it > last.end));
  return next === undefined || (latest !== undefined && next > latest) ? undefined : exact(next);
}

/** @param from the first start that may be; undefined when the schedule has no beginning. */
function nextInterval(
  rhythm: Rhythm,
  from: number | undefined,
  { last, latest }: Restriction,
): RunTime | undefined {
  let start = from;
  if (last !== undefined) {
    // The schedule may have changed since, so the end need not be one of its times.
    const end = alignToPrevious(rhythm, last.end);
    start = from === undefined ? end : Math.max(end, from);
  }
  if (start === undefined) return undefined;
  if (latest !== undefined && start > latest) return undefined;
  const end = rhythm.next(start);
  return { interval: { start, end }, runAfter: end };
}

function nextCronInterval(schedule: CronSchedule, at: Restriction): RunTime | undefined {
  const rhythm = rhythmsOf(schedule)[0];
  if (rhythm === undefined) return undefined;
  const aligned = at.earliest === undefined ? undefined : alignToNext(rhythm, at.earliest);
  if (at.catchup) return nextInterval(rhythm, aligned, at);
  // The newest interval that is over; one that is over right now does not count yet.
  const previous = rhythm.previous(at.now);
  const start = rhythm.next(previous) === at.now ? previous : rhythm.previous(previous);
  return nextInterval(rhythm, aligned === undefined ? start : Math.max(start, aligned), at);
}

function latestDelta(everyMs: number, at: Restriction): number | undefined {
  if (at.catchup) return at.earliest;
  const start = at.now - (((at.now % everyMs) + everyMs) % everyMs) - everyMs;
  return at.earliest === undefined ? start : Math.max(start, at.earliest);
}

/** Each expression alone, then the first of them; without catchup the newest that is past. */
function nextTrigger(
  rhythms: readonly Rhythm[],
  intervalMs: number,
  at: Restriction,
): RunTime | undefined {
  const times = rhythms
    .map((it) => nextTriggerTime(it, at))
    .filter((it) => at.latest === undefined || it <= at.latest);
  if (times.length === 0) return undefined;
  let time = Math.min(...times);
  if (!at.catchup) {
    const past = times.filter((it) => it <= at.now);
    if (past.length > 0) time = Math.max(...past);
  }
  return { interval: { start: time - intervalMs, end: time }, runAfter: time };
}

function nextTriggerTime(rhythm: Rhythm, at: Restriction): number {
  const candidates: number[] = at.catchup ? [] : [alignToPrevious(rhythm, at.now)];
  if (at.last !== undefined) candidates.push(rhythm.next(at.last.end));
  else if (at.earliest === undefined) candidates.push(firstTrigger(rhythm, at.now));
  if (at.earliest !== undefined && (!at.catchup || at.last === undefined)) {
    candidates.push(alignToNext(rhythm, at.earliest));
  }
  return Math.max(...candidates);
}

const recentMs = 300_000;

/** A time that has just passed still counts: within a tenth of the gap, or five minutes. */
function firstTrigger(rhythm: Rhythm, now: number): number {
  const past = alignToPrevious(rhythm, now);
  const next = alignToNext(rhythm, now);
  return now - past <= Math.max((next - past) / 10, recentMs) ? past : next;
}

/** The interval of a run that somebody starts by hand at `at`. */
export function manualInterval(given: ScheduleModel, at: number): Interval {
  const schedule = timePart(given);
  if (schedule.kind === "events" && schedule.restrictToEvents) {
    return exact(schedule.times.findLast((it) => it <= at) ?? schedule.times[0] ?? at).interval;
  }
  if (schedule.kind === "delta") {
    return { start: at - (schedule.triggerIntervalMs ?? schedule.everyMs), end: at };
  }
  if (schedule.kind !== "cron") return { start: at, end: at };
  const [rhythm] = rhythmsOf(schedule);
  if (schedule.mode === "trigger" || rhythm === undefined || schedule.expressions.length > 1) {
    return { start: at - schedule.intervalMs, end: at };
  }
  const end = alignToPrevious(rhythm, at);
  return { start: rhythm.previous(end), end };
}

const rhythms = new WeakMap<CronSchedule, readonly Rhythm[]>();

/** @throws {Error} for a bad expression. */
function rhythmsOf(schedule: CronSchedule): readonly Rhythm[] {
  const known = rhythms.get(schedule);
  if (known !== undefined) return known;
  const made = schedule.expressions.map((it) => cronRhythm(it, schedule.timeZone));
  rhythms.set(schedule, made);
  return made;
}

/** What is wrong with a schedule, or undefined. */
export function scheduleProblem(given: ScheduleModel): string | undefined {
  try {
    const schedule = timePart(given);
    if (schedule.kind === "cron") rhythmsOf(schedule);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** In words that people know: the expression, the preset, `None`. */
export function summarizeSchedule(schedule: ScheduleModel): string {
  switch (schedule.kind) {
    case "none":
      return "None";
    case "once":
    case "continuous":
      return `@${schedule.kind}`;
    case "cron":
      return schedule.expressions.join(", ");
    case "delta":
      return formatDelta(schedule.everyMs);
    case "events":
      return `${schedule.times.length} events`;
    case "custom":
      return schedule.description;
    case "assets":
      return describeCondition(schedule.when);
    case "assets_or_time":
      return `Asset or ${summarizeSchedule(schedule.time)}`;
  }
}

/** As Python prints a timedelta: `1 day, 2:03:04`. */
function formatDelta(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const rest = Math.floor((ms % 86_400_000) / 1_000);
  const two = (it: number): string => String(it).padStart(2, "0");
  const clock = `${Math.floor(rest / 3_600)}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  if (days === 0) return clock;
  return `${days} day${days === 1 ? "" : "s"}, ${clock}`;
}
