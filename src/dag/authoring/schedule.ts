import type { AssetCondition } from "#dag/assets/asset.ts";
import type { ScheduleModel, TimeSchedule } from "#dag/model/model.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { expandPreset } from "#dag/timetable/cron.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { allOf, Asset, AssetAlias, AssetExpression, conditionOf, type AssetPart } from "./asset.ts";
import type { Timetable } from "./timetable.ts";

/**
 * When a DAG runs: by the clock, when assets were made, both (`{ assets, time }`), by a timetable of the
 * file's own, or null for never by itself.
 */
export type Schedule =
  | TimedSchedule
  | AssetPart
  | readonly (Asset | AssetAlias)[]
  | Timetable
  | null
  | {
      readonly assets: AssetPart | readonly (Asset | AssetAlias)[];
      /** Besides, whether or not they were made. */
      readonly time: TimedSchedule;
    };

/**
 * A cron expression or preset, several, `@once`, `@continuous`, a length of time, or moments. A cron
 * expression alone gives each run the interval that has just ended; `{ cron, trigger: true }` and several
 * expressions start runs at the times themselves.
 */
export type TimedSchedule =
  | string
  | readonly string[]
  | {
      readonly every: Duration;
      /** Starts a run at the times themselves, from the start date on. */
      readonly trigger?: boolean;
      /** Length of the data interval before a trigger time; nothing by default. */
      readonly interval?: Duration;
    }
  | {
      /** ISO 8601; read in the DAG's time zone without offset. */
      readonly events: readonly (string | Date)[];
      /** A run by hand is that of the newest of them that is past. */
      readonly restrictToEvents?: boolean;
    }
  | {
      readonly cron: string | readonly string[];
      /** Overrides the DAG's. */
      readonly timeZone?: string;
      readonly trigger?: boolean;
      /** Length of the data interval before a trigger time; nothing by default. */
      readonly interval?: Duration;
    };

/** The stored form of a schedule. Whether its expressions are good is for validation to say. */
export function scheduleModel(schedule: Schedule, timeZone: string): ScheduleModel {
  if (schedule === null) return { kind: "none" };
  if (isAssets(schedule)) return { kind: "assets", when: conditionOfAll(schedule) };
  const timetable = timetableOf(schedule);
  if (timetable !== undefined) {
    const { name } = timetable.constructor;
    const { description = name === "Object" ? "custom" : name } = timetable;
    return { kind: "custom", description };
  }
  if (typeof schedule !== "object" || !("assets" in schedule)) {
    return timeModel(schedule as TimedSchedule, timeZone);
  }
  const when = conditionOfAll(schedule.assets);
  return { kind: "assets_or_time", when, time: timeModel(schedule.time, timeZone) };
}

/** The timetable that a schedule is; undefined for another. */
export function timetableOf(schedule: Schedule): Timetable | undefined {
  if (typeof schedule !== "object" || schedule === null || !("next" in schedule)) return undefined;
  return schedule;
}

type Assets = AssetPart | readonly (Asset | AssetAlias)[];

function isPart(it: unknown): it is AssetPart {
  return it instanceof Asset || it instanceof AssetAlias || it instanceof AssetExpression;
}

function isAssets(schedule: Schedule): schedule is Assets {
  return isPart(schedule) || (Array.isArray(schedule) && schedule.some(isPart));
}

function conditionOfAll(assets: Assets): AssetCondition {
  return isPart(assets) ? conditionOf(assets) : allOf(...assets.filter(isPart)).condition;
}

function timeModel(schedule: TimedSchedule, timeZone: string): TimeSchedule {
  if (typeof schedule === "string") return namedSchedule(schedule, timeZone);
  if (Symbol.iterator in schedule) {
    return cronModel([...schedule], { timeZone, trigger: true });
  }
  if ("every" in schedule) {
    const everyMs = durationMs(schedule.every);
    if (schedule.trigger !== true) return { kind: "delta", everyMs };
    return { kind: "delta", everyMs, triggerIntervalMs: durationMs(schedule.interval ?? 0) };
  }
  if ("events" in schedule) {
    const times = schedule.events.map((it) =>
      it instanceof Date ? it.getTime() : parseMoment(it, timeZone),
    );
    const { restrictToEvents = false } = schedule;
    return { kind: "events", times: times.toSorted((a, b) => a - b), restrictToEvents };
  }
  return cronModel(typeof schedule.cron === "string" ? [schedule.cron] : schedule.cron, {
    timeZone: schedule.timeZone ?? timeZone,
    trigger: schedule.trigger ?? typeof schedule.cron !== "string",
    intervalMs: durationMs(schedule.interval ?? 0),
  });
}

function namedSchedule(text: string, timeZone: string): TimeSchedule {
  if (text === "@once") return { kind: "once" };
  if (text === "@continuous") return { kind: "continuous" };
  if (text === "@none" || text === "None") return { kind: "none" };
  return cronModel([text], { timeZone, trigger: false });
}

function cronModel(
  expressions: readonly string[],
  options: { readonly timeZone: string; readonly trigger: boolean; readonly intervalMs?: number },
): TimeSchedule {
  return {
    kind: "cron",
    expressions: expressions.map(expandPreset),
    timeZone: options.timeZone,
    mode: options.trigger ? "trigger" : "interval",
    intervalMs: options.intervalMs ?? 0,
  };
}
