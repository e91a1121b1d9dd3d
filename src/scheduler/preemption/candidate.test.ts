import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseCandidate, type Candidate } from "./candidate.ts";
import type { Victim } from "./victims.ts";

function victim(priority: number, startedAtMs = 0): Victim {
  return { uid: "", namespace: "default", name: "", labels: {}, priority, startedAtMs };
}

function candidate(node: string, pods: readonly Victim[], violations = 0): Candidate {
  return { node, pods, violations };
}

const cases: readonly {
  readonly name: string;
  readonly given: readonly Candidate[];
  readonly want: string | undefined;
}[] = [
  { name: "none", given: [], want: undefined },
  {
    name: "fewer violated budgets before all else",
    given: [candidate("a", [victim(1)], 1), candidate("b", [victim(9), victim(9)])],
    want: "b",
  },
  {
    name: "the least important of the most important victims",
    given: [candidate("a", [victim(5)]), candidate("b", [victim(4), victim(4), victim(4)])],
    want: "b",
  },
  {
    name: "the smallest sum of priorities",
    given: [candidate("a", [victim(5), victim(4)]), candidate("b", [victim(5), victim(3)])],
    want: "b",
  },
  {
    name: "fewer victims, though priorities are negative",
    given: [candidate("a", [victim(-5), victim(-5)]), candidate("b", [victim(-5)])],
    want: "b",
  },
  {
    name: "of the foremost, those that began last",
    given: [
      candidate("a", [victim(5, 100), victim(1, 900)]),
      candidate("b", [victim(5, 200), victim(1, 50)]),
    ],
    want: "b",
  },
  {
    name: "the earliest of several foremost counts",
    given: [
      candidate("a", [victim(5, 900), victim(5, 100)]),
      candidate("b", [victim(5, 200), victim(5, 200)]),
    ],
    want: "b",
  },
  {
    name: "of equals the first",
    given: ["a", "b"].map((it) => candidate(it, [victim(1)])),
    want: "a",
  },
];

for (const { name, given, want } of cases) {
  test(`chooseCandidate: ${name}`, () => {
    assert.equal(chooseCandidate(given)?.node, want);
  });
}
