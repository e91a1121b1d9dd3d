import type { ScheduleModel } from "#dag/model/model.ts";
import { nextRun, timePart, type RunTime } from "./timetable.ts";

/** Whether a schedule has dates that can be made up for. */
export function isPeriodic(schedule: ScheduleModel): boolean {
  return ["cron", "delta", "events"].includes(timePart(schedule).kind);
}

/**
 * The runs that a schedule asks for with data intervals that begin from `from` to `to`, at most `most`
 * of them. A schedule that is not periodic has none.
 */
export function runsBetween(
  given: ScheduleModel,
  range: { readonly from: number; readonly to: number; readonly now: number },
  most: number,
): readonly RunTime[] {
  const schedule = timePart(given);
  if (!isPeriodic(schedule)) return [];
  const limits = { earliest: range.from, latest: range.to, catchup: true, now: range.now };
  const found: RunTime[] = [];
  let next = nextRun(schedule, { ...limits, last: undefined });
  while (next !== undefined && found.length < most) {
    // What is not over yet cannot be made up for.
    if (next.runAfter > range.now || next.interval.start > range.to) break;
    found.push(next);
    next = nextRun(schedule, { ...limits, last: next.interval });
  }
  return found;
}
