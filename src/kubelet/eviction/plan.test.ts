import assert from "node:assert/strict";
import { test } from "node:test";
import { initialEvictionState, planEviction, type EvictionState } from "./plan.ts";
import {
  defaultEvictionHard,
  parseThresholds,
  type Observation,
  type Signal,
} from "./thresholds.ts";

const gibibyte = 1024 ** 3;
const minute = 60_000;

function show(hard: string, soft = "", grace = ""): string {
  return parseThresholds(hard, soft, grace)
    .map(({ signal, value, graceMs }) => {
      const shown = value.kind === "share" ? `${value.share * 100}%` : String(value.amount);
      return `${signal}<${shown}/${graceMs}`;
    })
    .join(" ");
}

test("parseThresholds: upstream's defaults", () => {
  assert.equal(
    show(defaultEvictionHard),
    "memory.available<104857600/0 nodefs.available<10%/0 nodefs.inodesFree<5%/0 imagefs.available<15%/0 imagefs.inodesFree<5%/0",
  );
  assert.equal(
    show("", "memory.available<1Gi", "memory.available=1m30s"),
    `memory.available<${gibibyte}/90000`,
  );
});

const wrong: [hard: string, soft: string, grace: string, want: RegExp][] = [
  ["memory<1", "", "", /"memory" is none of memory.available/],
  ["memory.available", "", "", /expected signal<amount/],
  ["memory.available<x", "", "", /an amount such as 100Mi/],
  ["nodefs.available<101%", "", "", /a percentage from 0 to 100/],
  ["", "memory.available<1Gi", "", /a soft threshold needs a grace period/],
  ["", "memory.available<1Gi", "memory.available=soon", /a duration such as 1m30s/],
];

for (const [hard, soft, grace, want] of wrong) {
  test(`parseThresholds: '${hard}' '${soft}' '${grace}' -> ${String(want)}`, () => {
    assert.throws(() => parseThresholds(hard, soft, grace), want);
  });
}

type Observed = Partial<Record<Signal, number>>;

function observations(available: Observed): Map<Signal, Observation> {
  const entries = Object.entries(available) as [Signal, number][];
  return new Map(entries.map(([signal, it]) => [signal, { available: it, capacity: 100 }]));
}

const thresholds = parseThresholds(
  "memory.available<10,nodefs.available<10%,pid.available<5",
  "memory.available<20",
  "memory.available=1m",
);

/** `MemoryPressure | memory hard`. */
function look(available: Observed, nowMs: number, state: EvictionState): [string, EvictionState] {
  const input = { thresholds, observations: observations(available), transitionMs: 5 * minute };
  const plan = planEviction({ ...input, state, nowMs });
  const { reclaim } = plan;
  const what =
    reclaim === undefined ? "" : `${reclaim.resource} ${reclaim.isHard ? "hard" : "soft"}`;
  return [`${[...plan.pressures].join(",")} | ${what}`, plan.state];
}

const sequences: [name: string, looks: [atMs: number, available: Observed, want: string][]][] = [
  ["enough of all", [[0, { "memory.available": 50, "nodefs.available": 50 }, " | "]]],
  ["exactly the threshold", [[0, { "nodefs.available": 10 }, " | "]]],
  ["nothing observed", [[0, {}, " | "]]],
  ["memory", [[0, { "memory.available": 9 }, "MemoryPressure | memory hard"]]],
  [
    "memory goes before disk",
    [
      [
        0,
        { "nodefs.available": 1, "memory.available": 9 },
        "MemoryPressure,DiskPressure | memory hard",
      ],
    ],
  ],
  ["processes", [[0, { "pid.available": 4 }, "PIDPressure | pids hard"]]],
  [
    "a soft threshold has patience, and begins anew after a break",
    [
      [0, { "memory.available": 15 }, "MemoryPressure | "],
      [minute - 1, { "memory.available": 15 }, "MemoryPressure | "],
      [minute, { "memory.available": 15 }, "MemoryPressure | memory soft"],
      [minute + 1, { "memory.available": 25 }, "MemoryPressure | "],
      [minute + 2, { "memory.available": 15 }, "MemoryPressure | "],
    ],
  ],
  [
    "a condition stays for the transition period",
    [
      [0, { "nodefs.available": 5 }, "DiskPressure | ephemeral-storage hard"],
      [5 * minute - 1, { "nodefs.available": 50 }, "DiskPressure | "],
      [5 * minute, { "nodefs.available": 50 }, " | "],
    ],
  ],
];

for (const [name, looks] of sequences) {
  test(`planEviction: ${name}`, () => {
    let state = initialEvictionState;
    for (const [atMs, available, want] of looks) {
      const [got, next] = look(available, atMs, state);
      assert.equal(got, want, `at ${atMs}`);
      state = next;
    }
  });
}
