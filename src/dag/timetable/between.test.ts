import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleModel, type Schedule } from "#dag/authoring/schedule.ts";
import { formatMoment, parseMoment } from "./moment.ts";
import { runsBetween } from "./between.ts";

const cases: [schedule: Schedule, from: string, to: string, want: string][] = [
  ["@daily", "2026-05-01", "2026-05-03", "05-01T00 05-02T00 05-03T00"],
  ["0 */6 * * *", "2026-05-01", "2026-05-01T13:00:00Z", "05-01T00 05-01T06 05-01T12"],
  ["@daily", "2026-05-09", "2026-05-20", "05-09T00"],
  [{ every: "12h" }, "2026-05-01", "2026-05-02", "05-01T00 05-01T12 05-02T00"],
  [["0 1 * * *", "0 2 * * *"], "2026-05-01", "2026-05-01T23:00:00Z", "05-01T01 05-01T02"],
  ["@once", "2026-05-01", "2026-05-03", ""],
  [null, "2026-05-01", "2026-05-03", ""],
];

for (const [schedule, from, to, want] of cases) {
  test(`runsBetween: ${JSON.stringify(schedule)} from ${from} to ${to}`, () => {
    const at = (text: string): number => parseMoment(text, "UTC");
    const range = { from: at(from), to: at(to), now: at("2026-05-10T12:00:00Z") };
    const runs = runsBetween(scheduleModel(schedule, "UTC"), range, 5);
    const starts = runs.map((it) => formatMoment(it.interval.start).slice(5, 13));
    assert.equal(starts.join(" "), want);
  });
}
