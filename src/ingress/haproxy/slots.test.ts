import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assignSlots, slotChanges, type Slots } from "./slots.ts";

/** `a b - -`: places of the one backend, `-` for a free one. */
function places(text: string): Slots {
  return new Map([["w", text.split(" ").map((it) => (it === "-" ? undefined : it))]]);
}

function shown(slots: Slots): string {
  return (slots.get("w") ?? []).map((it) => it ?? "-").join(" ");
}

const cases: [before: string, endpoints: string, want: string, changes: string][] = [
  ["- - - -", "a b", "a b - -", "0=a 1=b"],
  ["a b - -", "b a", "a b - -", ""],
  ["a b - -", "b c", "c b - -", "0=c"],
  ["a b c -", "", "- - - -", "0=- 1=- 2=-"],
  ["a b - -", "b c d", "c b d -", "0=c 2=d"],
  ["a b c d", "b c d e f", "e b c d f - - -", ""],
  ["a b - -", "c", "c - - -", "0=c 1=-"],
  ["- a - -", "c d", "c d - -", "0=c 1=d"],
];

for (const [before, endpoints, want, changes] of cases) {
  test(`assignSlots: [${before}] with [${endpoints}] -> [${want}]`, () => {
    const list = endpoints.split(" ").filter((it) => it !== "");
    const next = assignSlots(places(before), new Map([["w", { endpoints: list }]]));
    assert.equal(shown(next), want);
    if (next.get("w")?.length !== places(before).get("w")?.length) return;
    const got = slotChanges(places(before), next);
    assert.equal(got.map((it) => `${it.slot}=${it.endpoint ?? "-"}`).join(" "), changes);
  });
}

test("assignSlots: every endpoint has one place, and keeps it", () => {
  const endpoints = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(endpoints), (steps) => {
      let slots: Slots = new Map();
      for (const step of steps) {
        const next = assignSlots(slots, new Map([["w", { endpoints: step }]]));
        const used = (next.get("w") ?? []).filter((it) => it !== undefined);
        assert.deepEqual(used.toSorted(), step.toSorted());
        for (const [at, had] of (slots.get("w") ?? []).entries()) {
          if (had !== undefined && step.includes(had)) assert.equal(next.get("w")?.[at], had);
        }
        slots = next;
      }
    }),
  );
});

test("slotChanges: what comes is there before what leaves goes", () => {
  const changes = slotChanges(places("a - b -"), places("- c b d"));
  assert.deepEqual(
    changes.map((it) => it.endpoint ?? "-"),
    ["c", "d", "-"],
  );
});
