import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dnsLabel, podName, safeLabel } from "./names.ts";

test("safeLabel: texts that may be labels stay, others get a hash", () => {
  const cases: readonly (readonly [given: string, want: string])[] = [
    ["extract", "extract"],
    ["load.orders_eu-1", "load.orders_eu-1"],
    ["manual__2026-05-10T00:00:00+00:00", "manual__2026-05-10T0000000000-3bd5e50d5"],
    ["_id-", "id-1fefd9e73"],
    ["::", "4501c091b"],
    ["a".repeat(64), `${"a".repeat(53)}-014842d48`],
  ];
  for (const [given, want] of cases) {
    assert.equal(safeLabel(given), want, given);
  }
});

test("safeLabel, podName: always valid, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.string({ minLength: 1 }), (text, seed) => {
      const label = safeLabel(text);
      if (text !== "") assert.match(label, /^([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/);
      assert.match(podName(text, seed), /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    }),
  );
});

test("podName: recognisable, unique by its seed", () => {
  assert.match(podName("My_DAG.Load orders", "a"), /^my-dag-load-orders-[0-9a-f]{8}$/);
  assert.equal(podName("x", "a"), podName("x", "a"));
  assert.notEqual(podName("x", "a"), podName("x", "b"));
  assert.match(podName("ä", "a"), /^task-[0-9a-f]{8}$/);
  assert.equal(dnsLabel("--A.b--"), "a-b");
});
