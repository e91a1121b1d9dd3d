import { describeError } from "#base/log.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import type { RunTime } from "#dag/timetable/timetable.ts";
import { lineOf } from "./error-place.ts";
import type { TimetableQuestion, TimetableResult } from "./protocol.ts";

/** The next run that the timetable of a DAG's file asks for; never throws. */
export async function askTimetable(
  { code, dagId, at }: TimetableQuestion,
  load: () => Promise<Dag | undefined>,
): Promise<TimetableResult> {
  try {
    const timetable = (await load())?.timetable;
    if (timetable === undefined) throw new Error(`DAG ${dagId} has no timetable`);
    const { last } = at;
    const given: unknown = timetable.next({
      now: new Date(at.now),
      last: last && { start: new Date(last.start), end: new Date(last.end) },
      earliest: dateOf(at.earliest),
      latest: dateOf(at.latest),
      catchup: at.catchup,
    });
    return { kind: "next", next: runTime(given, last?.end) };
  } catch (error) {
    return { kind: "error", message: describeError(error), line: lineOf(error, code.file) };
  }
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

/** @throws {Error} for what is no run. */
function runTime(given: unknown, after: number | undefined): RunTime | undefined {
  if (given === null || given === undefined) return undefined;
  const { start, end, runAfter = end } = given as Readonly<Record<string, unknown>>;
  const times = [start, end, runAfter].map((it) => (it instanceof Date ? it.getTime() : NaN));
  const [from = NaN, to = NaN, at = NaN] = times;
  if (times.some((it) => Number.isNaN(it))) {
    throw new Error("next() must return null, or dates as { start, end, runAfter }");
  }
  if (to < from) throw new Error("next() must return an interval that ends after its start");
  if (after !== undefined && to <= after) {
    throw new Error("next() must return an interval that ends after the last one");
  }
  return { interval: { start: from, end: to }, runAfter: at };
}
