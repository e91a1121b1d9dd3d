// Runs after each working day, by a timetable of its own.
import {
  bash,
  dag,
  type Timetable,
  type TimetableMoment,
  type TimetableRun,
} from "gantry/workflows";

const dayMs = 24 * 60 * 60 * 1_000;
const holidays = new Set(["2026-01-01", "2026-12-25"]);

/** Each run is about one working day, in UTC, and starts when that is over. */
class WorkingDays implements Timetable {
  readonly description = "after each working day";

  next({ last, earliest, now, catchup }: TimetableMoment): TimetableRun | null {
    const yesterday = now.getTime() - dayMs;
    const after = last?.end ?? earliest ?? new Date(yesterday);
    let day = Math.max(after.getTime(), catchup ? -Infinity : yesterday);
    day -= day % dayMs;
    while (!isWorkingDay(new Date(day))) day += dayMs;
    return { start: new Date(day), end: new Date(day + dayMs) };
  }
}

function isWorkingDay(date: Date): boolean {
  const isWeekend = date.getUTCDay() === 0 || date.getUTCDay() === 6;
  return !isWeekend && !holidays.has(date.toISOString().slice(0, 10));
}

export const report = dag(
  "working_days",
  { schedule: new WorkingDays(), startDate: "2026-05-01", tags: ["example"] },
  () => {
    bash("report", { command: "echo figures of {{ ds }}" });
  },
);
