import assert from "node:assert/strict";
import { test } from "node:test";
import { podOf } from "#testing/pod-fixtures.ts";
import { planShutdown, shutdownGraceSeconds } from "./plan.ts";

test("planShutdown: critical pods end last, in the time that is kept for them", () => {
  const web = podOf({ terminationGracePeriodSeconds: 5 }, { name: "web" });
  const slow = podOf({ terminationGracePeriodSeconds: 600 }, { name: "slow" });
  const dns = podOf({ priority: 2_000_000_000 }, { name: "dns" });
  const groups = planShutdown([dns, web, slow], { graceMs: 30_000, criticalMs: 10_000 });
  const shown = groups.map((group) =>
    group.pods.map((it) => `${it.metadata?.name ?? ""}/${shutdownGraceSeconds(it, group)}`).join(),
  );
  assert.deepEqual(shown, ["web/5,slow/20", "dns/10"]);
});

test("planShutdown: no time is spent on pods that are not there", () => {
  assert.deepEqual(planShutdown([], { graceMs: 30_000, criticalMs: 10_000 }), []);
});
