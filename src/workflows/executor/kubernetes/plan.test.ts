import assert from "node:assert/strict";
import { test } from "node:test";
import { awayMs, lostMs, judgeTry, type TryView, type Verdict } from "./plan.ts";

const pendingTimeoutMs = 300_000;
const asked: TryView = {
  since: 0,
  isPlaced: false,
  isRunning: false,
  hasCome: false,
  awaySince: undefined,
};
const placed = { ...asked, isPlaced: true };
const runs = { ...placed, isRunning: true };
const works = { ...runs, hasCome: true };

const cases: readonly (readonly [string, TryView, number, boolean, Verdict])[] = [
  ["asked for just now", asked, 1_000, false, "goes on"],
  ["no node for too long", asked, pendingTimeoutMs, false, "not started"],
  ["no node while others are on nodes", asked, 100 * pendingTimeoutMs, true, "goes on"],
  ["has a node", placed, pendingTimeoutMs - 1, true, "goes on"],
  ["does not start on its node", placed, pendingTimeoutMs, true, "not started"],
  ["runs, and its worker is not there yet", runs, pendingTimeoutMs - 1, true, "goes on"],
  ["runs, and its worker does not come", runs, pendingTimeoutMs, true, "worker not come"],
  ["works for long", works, 100 * pendingTimeoutMs, true, "goes on"],
  ["silent for a moment", { ...works, awaySince: 0 }, awayMs - 1, true, "goes on"],
  ["silent", { ...works, awaySince: 0 }, awayMs, true, "worker silent"],
  ["silent for long", { ...works, awaySince: 0 }, lostMs, true, "worker lost"],
];

for (const [name, view, now, isBusy, want] of cases) {
  test(`judgeTry: ${name}`, () => {
    assert.equal(judgeTry(view, { now, isBusy, pendingTimeoutMs }), want);
  });
}
