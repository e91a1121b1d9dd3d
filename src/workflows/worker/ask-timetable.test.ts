import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import type { Timetable, TimetableMoment, TimetableRun } from "#dag/authoring/timetable.ts";
import { askTimetable } from "./ask-timetable.ts";

const dayMs = 86_400_000;

/** The day before, on days from Monday to Friday. */
class WorkingDays implements Timetable {
  readonly description = "working days";

  next({ last, earliest, now, catchup }: TimetableMoment): TimetableRun | null {
    const from = last?.end ?? earliest;
    if (from === undefined) return null;
    let at = Math.max(from.getTime(), catchup ? 0 : now.getTime() - dayMs);
    at -= at % dayMs;
    while ([0, 6].includes(new Date(at).getUTCDay())) at += dayMs;
    return { start: new Date(at), end: new Date(at + dayMs) };
  }
}

async function ask(schedule: Timetable, last?: string): Promise<string> {
  const made = dag("d", { schedule }, () => undefined);
  const start = Date.parse(last ?? "");
  const question = {
    code: { bundleFolder: "", file: "d.ts", dagsFolder: "" },
    dagId: "d",
    at: {
      now: Date.parse("2026-05-20"),
      last: last === undefined ? undefined : { start, end: start + dayMs },
      earliest: Date.parse("2026-05-01"),
      latest: undefined,
      catchup: true,
    },
  };
  const result = await askTimetable(question, () => Promise.resolve(made));
  if (result.kind === "error") return result.message;
  if (result.next === undefined) return "none";
  const { interval, runAfter } = result.next;
  return [interval.start, interval.end, runAfter]
    .map((it) => new Date(it).toISOString().slice(0, 10))
    .join(" ");
}

test("askTimetable: a calendar of working days", async () => {
  const days = new WorkingDays();
  assert.equal(await ask(days), "2026-05-01 2026-05-02 2026-05-02");
  assert.equal(await ask(days, "2026-05-01"), "2026-05-04 2026-05-05 2026-05-05");
  assert.equal(dag("d", { schedule: days }, () => undefined).model.schedule.kind, "custom");
});

test("askTimetable: says what a timetable must not", async () => {
  const [early, late] = [new Date("2026-05-01"), new Date("2026-05-02")];
  const table: readonly (readonly [unknown, string | RegExp])[] = [
    [null, "none"],
    [{ start: late, end: early }, /ends after its start/],
    [{ start: "2026-05-01", end: late }, /must return null, or dates/],
    [{ start: early, end: new Date(NaN) }, /must return null, or dates/],
  ];
  for (const [given, want] of table) {
    const answer = await ask({ next: () => given as TimetableRun | null });
    assert.ok(typeof want === "string" ? answer === want : want.test(answer), answer);
  }
  const same = { next: () => ({ start: early, end: late }) };
  assert.match(await ask(same, "2026-05-01"), /ends after the last one/);
  function noCalendar(): never {
    throw new Error("no calendar");
  }
  assert.equal(await ask({ next: noCalendar }), "no calendar");
});
