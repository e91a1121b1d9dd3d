import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planQueue, type Candidate, type Room } from "./plan.ts";

function candidate(taskId: string, change: Partial<Candidate> = {}): Candidate {
  return {
    dagId: "d",
    runId: "r",
    taskId,
    pool: "p",
    poolSlots: 1,
    executor: "local",
    maxActiveTasks: 16,
    maxActivePerDag: undefined,
    maxActivePerRun: undefined,
    ...change,
  };
}

function room(change: Partial<Room> = {}): Room {
  const pools = new Map([["p", { slots: 3, used: 1 }]]);
  return { free: new Map([["local", 10]]), pools, active: [], ...change };
}

test("planQueue: what there is room for, in order", () => {
  const table: readonly {
    readonly name: string;
    readonly candidates: readonly Candidate[];
    readonly room: Room;
    readonly chosen: string;
    readonly reasons: readonly RegExp[];
  }[] = [
    {
      name: "a pool's slots",
      candidates: ["a", "b", "c"].map((it) => candidate(it)),
      room: room(),
      chosen: "a b",
      reasons: [/0 open slots of pool 'p'/],
    },
    {
      name: "what does not fit lets smaller ones pass",
      candidates: [candidate("a", { poolSlots: 3 }), candidate("b")],
      room: room(),
      chosen: "b",
      reasons: [/needs 3 of the 2 open slots/],
    },
    {
      name: "more slots than the pool has",
      candidates: [candidate("a", { poolSlots: 4 })],
      room: room(),
      chosen: "",
      reasons: [/needs 4 slots of pool 'p', which has 3/],
    },
    {
      name: "a pool without end",
      candidates: ["a", "b"].map((it) => candidate(it)),
      room: room({ pools: new Map([["p", { slots: -1, used: 50 }]]) }),
      chosen: "a b",
      reasons: [],
    },
    {
      name: "no such pool",
      candidates: [candidate("a", { pool: "x" })],
      room: room(),
      chosen: "",
      reasons: [/pool 'x' does not exist/],
    },
    {
      name: "the DAG's limit counts all runs",
      candidates: [candidate("a", { maxActiveTasks: 1 }), candidate("b", { dagId: "e" })],
      room: room({ active: [{ dagId: "d", runId: "other", taskId: "z" }] }),
      chosen: "b",
      reasons: [/max_active_tasks/],
    },
    {
      name: "the task's limits",
      candidates: [
        candidate("a", { maxActivePerRun: 1 }),
        candidate("a", { maxActivePerRun: 1, runId: "s" }),
        candidate("b", { maxActivePerDag: 1 }),
      ],
      room: room({
        active: [
          { dagId: "d", runId: "r", taskId: "a" },
          { dagId: "d", runId: "s", taskId: "b" },
        ],
      }),
      chosen: "a",
      reasons: [/max_active_tis_per_dagrun/, /max_active_tis_per_dag$/],
    },
    {
      name: "the executor's slots",
      candidates: [candidate("a"), candidate("b"), candidate("c", { executor: "none" })],
      room: room({ free: new Map([["local", 1]]) }),
      chosen: "a",
      reasons: [/executor 'local' has no free slot/, /there is no executor 'none'/],
    },
  ];
  for (const it of table) {
    const plan = planQueue(it.candidates, it.room);
    assert.equal(plan.chosen.map((one) => one.taskId).join(" "), it.chosen, it.name);
    assert.equal(plan.waiting.length, it.reasons.length, it.name);
    for (const [at, reason] of it.reasons.entries()) {
      assert.match(plan.waiting[at]?.reason ?? "", reason, it.name);
    }
  }
});

test("planQueue: no limit is ever exceeded", () => {
  const some = fc.array(
    fc.record({
      dag: fc.constantFrom("d", "e"),
      pool: fc.constantFrom("p", "q"),
      slots: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(some, fc.nat(6), fc.nat(8), (given, free, used) => {
      const candidates = given.map((it, at) =>
        candidate(`t${at}`, {
          dagId: it.dag,
          pool: it.pool,
          poolSlots: it.slots,
          maxActiveTasks: 4,
        }),
      );
      const pools = new Map([
        ["p", { slots: 5, used }],
        ["q", { slots: 2, used: 0 }],
      ]);
      const { chosen } = planQueue(candidates, room({ free: new Map([["local", free]]), pools }));
      assert.ok(chosen.length <= free);
      for (const [name, pool] of pools) {
        const taken = chosen.filter((it) => it.pool === name);
        const sum = taken.reduce((total, it) => total + it.poolSlots, 0);
        assert.ok(sum === 0 || sum + pool.used <= pool.slots);
      }
      for (const id of ["d", "e"]) assert.ok(chosen.filter((it) => it.dagId === id).length <= 4);
    }),
  );
});
