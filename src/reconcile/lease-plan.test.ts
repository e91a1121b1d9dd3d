import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeaseSpec } from "#api/gen/types.ts";
import { decideLease, releasedLease } from "./lease-plan.ts";

const me = { identity: "me", leaseSeconds: 15 };
const epoch = "1970-01-01T00:00:00.000000Z";
const now = "1970-01-01T00:01:00.000000Z";

function held(by: string, more: LeaseSpec = {}): LeaseSpec {
  return { holderIdentity: by, leaseDurationSeconds: 15, acquireTime: epoch, ...more };
}

function mine(acquireTime: string, leaseTransitions: number): unknown {
  const spec = { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: now };
  return { kind: "write", spec: { ...spec, acquireTime, leaseTransitions } };
}

const cases: [name: string, spec: LeaseSpec | undefined, ageMs: number, want: unknown][] = [
  ["no lease is created", undefined, 0, mine(now, 0)],
  ["a lease of another is respected", held("you"), 14_999, { kind: "held", by: "you" }],
  ["an expired lease is taken", held("you", { leaseTransitions: 3 }), 15_000, mine(now, 4)],
  ["an own lease is renewed", held("me", { leaseTransitions: 3 }), 1_000, mine(epoch, 3)],
  ["a released lease is taken at once", held(""), 0, mine(now, 1)],
  [
    "the holder's own duration counts",
    held("you", { leaseDurationSeconds: 60 }),
    15_000,
    { kind: "held", by: "you" },
  ],
];

for (const [name, spec, ageMs, want] of cases) {
  test(`decideLease: ${name}`, () => {
    const lease = spec === undefined ? undefined : { spec, changedAtMs: 100_000 - ageMs };
    assert.deepEqual(decideLease(me, lease, 60_000, 100_000), want);
  });
}

test("releasedLease: nobody holds it", () => {
  assert.equal(releasedLease(held("me"), 0).holderIdentity, "");
});
