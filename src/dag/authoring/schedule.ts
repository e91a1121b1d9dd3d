import type { ScheduleModel } from "#dag/model/model.ts";
import { durationMs, type Duration } from "#dag/model/duration.ts";
import { expandPreset } from "#dag/timetable/cron.ts";
import { allOf, Asset, AssetExpression, conditionOf } from "./asset.ts";

/**
 * When a DAG runs: a cron expression or preset, several, `@once`, `@continuous`, a length of time,
 * assets or a condition over them, or null for never by itself. A cron expression alone gives each run the interval that has just
 * ended; `{ cron, trigger: true }` and several expressions start runs at the times themselves.
 */
export type Schedule =
  | string
  | readonly string[]
  | Asset
  | AssetExpression
  | readonly Asset[]
  | null
  | { readonly every: Duration }
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
  if (typeof schedule === "string") return namedSchedule(schedule, timeZone);
  if (schedule instanceof Asset || schedule instanceof AssetExpression) {
    return { kind: "assets", when: conditionOf(schedule) };
  }
  if (Symbol.iterator in schedule) return listedSchedule([...schedule], timeZone);
  if ("every" in schedule) return { kind: "delta", everyMs: durationMs(schedule.every) };
  return cronModel(typeof schedule.cron === "string" ? [schedule.cron] : schedule.cron, {
    timeZone: schedule.timeZone ?? timeZone,
    trigger: schedule.trigger ?? typeof schedule.cron !== "string",
    intervalMs: durationMs(schedule.interval ?? 0),
  });
}

function listedSchedule(items: readonly (string | Asset)[], timeZone: string): ScheduleModel {
  const assets = items.filter((it) => it instanceof Asset);
  if (assets.length > 0) return { kind: "assets", when: allOf(...assets).condition };
  const expressions = items.filter((it) => typeof it === "string");
  return cronModel(expressions, { timeZone, trigger: true });
}

function namedSchedule(text: string, timeZone: string): ScheduleModel {
  if (text === "@once") return { kind: "once" };
  if (text === "@continuous") return { kind: "continuous" };
  if (text === "@none" || text === "None") return { kind: "none" };
  return cronModel([text], { timeZone, trigger: false });
}

function cronModel(
  expressions: readonly string[],
  options: { readonly timeZone: string; readonly trigger: boolean; readonly intervalMs?: number },
): ScheduleModel {
  return {
    kind: "cron",
    expressions: expressions.map(expandPreset),
    timeZone: options.timeZone,
    mode: options.trigger ? "trigger" : "interval",
    intervalMs: options.intervalMs ?? 0,
  };
}
