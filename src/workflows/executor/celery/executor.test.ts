import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateQueue } from "#testing/queue-simulation.ts";

test("CeleryExecutor: over a faulty broker and with dying workers no task is lost or doubled", async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const figures = await simulateQueue(seed, 100);
    const { tries, faults, deaths, refused } = figures;
    const isEnough = tries > 100 && faults > 50 && deaths > 10 && refused > 3;
    assert.ok(isEnough, `seed ${seed}: ${JSON.stringify(figures)}`);
  }
});
