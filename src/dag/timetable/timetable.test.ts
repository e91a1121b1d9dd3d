import assert from "node:assert/strict";
import { test } from "node:test";
import { readCases } from "#testing/case-table.ts";
import { scheduleModel, type Schedule } from "#dag/authoring/schedule.ts";
import type { ScheduleModel } from "#dag/model/model.ts";
import {
  manualInterval,
  nextRun,
  scheduleProblem,
  summarizeSchedule,
  type Interval,
} from "./timetable.ts";

interface Notation {
  readonly cron?: string;
  readonly trigger?: string | true;
  readonly triggers?: readonly string[];
  readonly every?: number;
  readonly events?: readonly string[];
  readonly restrict?: true;
  readonly once?: boolean;
  readonly continuous?: boolean;
  readonly tz?: string;
  readonly interval?: number;
}

interface NextCase {
  readonly name: string;
  readonly schedule: Notation;
  readonly earliest?: string;
  readonly latest?: string;
  readonly last?: readonly [string, string];
  readonly catchup?: boolean;
  readonly now?: string;
  /** Run after run: start and end of the interval, when it runs; null where there is none. */
  readonly want: readonly (readonly [string, string, string] | null)[];
}

function modelOf(given: Notation): ScheduleModel {
  const timeZone = given.tz ?? "UTC";
  const cron = given.trigger === true ? undefined : (given.trigger ?? given.triggers);
  let schedule: Schedule = given.cron ?? null;
  if (given.once === true) schedule = "@once";
  else if (given.continuous === true) schedule = "@continuous";
  else if (given.events !== undefined) {
    schedule = { events: given.events, restrictToEvents: given.restrict ?? false };
  } else if (given.every !== undefined) {
    const { every, trigger = false, interval = 0 } = given;
    return scheduleModel({ every, trigger: trigger === true, interval }, timeZone);
  } else if (cron !== undefined) {
    schedule = { cron, trigger: true, interval: given.interval ?? 0 };
  }
  return scheduleModel(schedule, timeZone);
}

function show(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}

function moment(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** Run after run, as the scheduler makes them. */
function series(it: NextCase): (readonly string[] | null)[] {
  const schedule = modelOf(it.schedule);
  const runs: (readonly string[] | null)[] = [];
  let last: Interval | undefined = it.last && {
    start: Date.parse(it.last[0]),
    end: Date.parse(it.last[1]),
  };
  while (runs.length < it.want.length) {
    const run = nextRun(schedule, {
      last,
      earliest: moment(it.earliest),
      latest: moment(it.latest),
      catchup: it.catchup ?? true,
      now: Date.parse(it.now ?? "2030-01-01T00:00:00Z"),
    });
    if (run === undefined) return [...runs, null];
    runs.push([show(run.interval.start), show(run.interval.end), show(run.runAfter)]);
    last = run.interval;
  }
  return runs;
}

test("nextRun: runs come when Airflow's do, over changes of the clock too", () => {
  const table = new URL("./cases/next-run.json", import.meta.url);
  for (const it of readCases(table, 250) as readonly NextCase[]) {
    const { want, ...given } = it;
    assert.deepEqual(series(it), want, JSON.stringify(given));
  }
});

test("manualInterval: a run by hand gets the last interval that is over", () => {
  interface Case {
    readonly schedule: Notation;
    readonly at: string;
    readonly want: readonly [string, string];
  }
  const table = new URL("./cases/manual.json", import.meta.url);
  for (const it of readCases(table, 50) as readonly Case[]) {
    const { start, end } = manualInterval(modelOf(it.schedule), Date.parse(it.at));
    assert.deepEqual([show(start), show(end)], it.want, JSON.stringify(it));
  }
});

test("scheduleProblem: names what is wrong in an expression", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["61 * * * *", /bad cron expression '61 \* \* \* \*'/],
    ["* * *", /expected 5 or 6 fields/],
    ["@sometimes", /bad cron expression '@sometimes'/],
    ["0 0 31 2 *", /bad cron expression/],
    ["a b c d e", /bad cron expression/],
  ];
  for (const [text, want] of table) {
    assert.match(scheduleProblem(scheduleModel(text, "UTC")) ?? "", want, text);
  }
  assert.equal(scheduleProblem(scheduleModel("@daily", "UTC")), undefined);
});

test("summarizeSchedule: in Airflow's words", () => {
  const table: readonly (readonly [Schedule, string])[] = [
    [null, "None"],
    ["@once", "@once"],
    ["@continuous", "@continuous"],
    ["@daily", "0 0 * * *"],
    [["0 6 * * *", "0 18 * * *"], "0 6 * * *, 0 18 * * *"],
    [{ every: "1d" }, "1 day, 0:00:00"],
    [{ every: "90m" }, "1:30:00"],
  ];
  for (const [given, want] of table) {
    assert.equal(summarizeSchedule(scheduleModel(given, "UTC")), want);
  }
});
