import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dag } from "#dag/authoring/dag.ts";
import { bash, empty } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import { taskGroup, type Given } from "#dag/authoring/mapped-group.ts";
import { branch, task } from "#dag/authoring/task.ts";
import type { DagModel, TriggerRule } from "#dag/model/model.ts";
import type { TaskState } from "#dag/model/states.ts";
import { decidingTasks, explainWaiting, planRun, type Facts, type InstanceView } from "./plan.ts";

const facts: Facts = {
  now: 1_000,
  mapLengthMax: 4,
  past: () => undefined,
  measure: () => undefined,
};

/** `a=success b[0]=failed c=-`: the instances of a run; `@2000` is when one is due. */
function instances(text: string): InstanceView[] {
  return text.split(" ").map((part) => {
    const [name = "", rest = ""] = part.split("=");
    const [taskId = "", index] = name.replace("]", "").split("[");
    const [state = "", nextAt] = rest.split("@");
    return {
      taskId,
      mapIndex: index === undefined ? -1 : Number(index),
      state: state === "-" ? null : (state as TaskState),
      nextAt: nextAt === undefined ? undefined : Number(nextAt),
      skips: [],
    };
  });
}

/** The plan in the same notation. */
function plan(
  model: DagModel,
  states: string | InstanceView[],
  given: Partial<Facts> = {},
): string {
  const view = typeof states === "string" ? instances(states) : states;
  const run = { state: "running" as const, startedAt: 0, instances: view };
  const { steps, wakeAt } = planRun(model, run, { ...facts, ...given });
  const parts: string[] = steps.map((it) => {
    if (it.kind === "finish") return `run=${it.state}`;
    if (it.kind === "expand") return `${it.taskId}*${it.count}`;
    const name = it.mapIndex < 0 ? it.taskId : `${it.taskId}[${it.mapIndex}]`;
    return `${name}=${it.kind === "set" ? it.state : "scheduled"}`;
  });
  return [...parts, ...(wakeAt === undefined ? [] : [`wake@${wakeAt}`])].join(" ");
}

const line = dag("line", {}, () => {
  chain(empty("a"), empty("b"), empty("c"));
}).model;

function join(triggerRule: TriggerRule): DagModel {
  return dag("join", {}, () => {
    chain([empty("a"), empty("b")], empty("c", { triggerRule }));
  }).model;
}

const mapped = dag("mapped", {}, () => {
  const list = task("list", () => [1, 2, 3]);
  const each = task("each", (input: { n: number }) => input.n);
  const sum = task("sum", (input: { all: number[] }) => input.all.length);
  sum({ all: each.expand({ n: list() }) });
}).model;

const cleaned = dag("cleaned", {}, () => {
  const up = empty("up").asSetup();
  const work = empty("work");
  const more = empty("more");
  chain(up, work, more, empty("down").asTeardown({ setups: up }));
}).model;

const repeated = dag("repeated", {}, () => {
  const list = task("list", () => [1, 2]);
  const first = task("first", (input: { n: number }) => input.n);
  const alarm = task("alarm", { triggerRule: "one_failed" }, (input: { n: number }) => input.n);
  const either = branch("either", (input: { n: number }) => `g.left${input.n}`);
  const group = taskGroup("g", ({ n }: Given<{ n: number }>) => {
    const done = first({ n });
    alarm({ n: done });
    chain(either({ n: done }), [empty("left"), empty("right")]);
    return done;
  });
  const all = task("all", (input: { all: number[] }) => input.all.length);
  all({ all: group.expand({ n: list() }) });
}).model;

test("planRun: a mapped group is repeated, and its repetitions go on by themselves", () => {
  const unmapped = "g.alarm=- g.either=- g.first=- g.left=- g.right=- all=-";
  assert.equal(plan(repeated, `list=running ${unmapped}`), "");
  assert.equal(
    plan(repeated, `list=success ${unmapped}`, { measure: () => 2 }),
    "g.first*2 g.alarm*2 g.either*2 g.left*2 g.right*2",
  );
  assert.equal(
    plan(repeated, `list=success ${unmapped}`, { measure: () => 0 }),
    "g.first=skipped g.alarm=skipped g.either=skipped all=skipped g.left=skipped g.right=skipped run=success",
  );
  assert.match(
    plan(repeated, `list=failed ${unmapped}`),
    /^g.first=upstream_failed .* run=failed$/,
  );

  const of = (tail: string): string =>
    ["g.alarm", "g.either", "g.first", "g.left", "g.right"]
      .flatMap((id) => [0, 1].map((at) => `${id}[${at}]=-`))
      .filter((it) => !tail.includes(it.slice(0, -1)))
      .join(" ");
  const table: readonly (readonly [string, string])[] = [
    ["g.first[0]=success g.first[1]=running", "g.alarm[0]=skipped g.either[0]=scheduled"],
    [
      "g.first[0]=running g.first[1]=failed",
      "g.alarm[1]=scheduled g.either[1]=upstream_failed all=upstream_failed g.left[1]=upstream_failed g.right[1]=upstream_failed",
    ],
  ];
  for (const [given, want] of table) {
    assert.equal(plan(repeated, `list=success ${given} ${of(given)} all=-`), want, given);
  }
});

test("planRun: a branch within a mapped group chooses for its own element", () => {
  const view = instances(
    "list=success g.first[0]=success g.first[1]=success g.alarm[0]=skipped g.alarm[1]=skipped g.either[0]=success g.either[1]=success g.left[0]=- g.left[1]=- g.right[0]=- g.right[1]=- all=success",
  ).map((it) => {
    if (it.taskId !== "g.either") return it;
    return { ...it, skips: [it.mapIndex === 0 ? "g.left" : "g.right"] };
  });
  assert.equal(
    plan(repeated, view),
    "g.left[0]=skipped g.left[1]=scheduled g.right[0]=scheduled g.right[1]=skipped",
  );
});

test("planRun: a run goes on by its states", () => {
  const table: readonly (readonly [DagModel, string, string])[] = [
    [line, "a=- b=- c=-", "a=scheduled"],
    [line, "a=running b=- c=-", ""],
    [line, "a=success b=- c=-", "b=scheduled"],
    [line, "a=success b=success c=success", "run=success"],
    [line, "a=failed b=- c=-", "b=upstream_failed c=upstream_failed run=failed"],
    [line, "a=skipped b=- c=-", "b=skipped c=skipped run=success"],
    [line, "a=up_for_retry@2000 b=- c=-", "wake@2000"],
    [line, "a=up_for_retry@1000 b=- c=-", "a=scheduled"],
    [line, "a=up_for_reschedule@900 b=- c=-", "a=scheduled"],
    [join("all_done"), "a=failed b=- c=success", "b=scheduled"],
    [join("all_done"), "a=failed b=success c=-", "c=scheduled"],
    [join("one_failed"), "a=failed b=running c=-", "c=scheduled"],
    [join("one_failed"), "a=success b=success c=-", "c=skipped run=success"],
    [join("all_success"), "a=failed b=running c=-", "c=upstream_failed"],
  ];
  for (const [model, given, want] of table) assert.equal(plan(model, given), want, given);
});

test("planRun: a mapped task expands when what it is mapped over is there", () => {
  const of = (length: number | undefined): Partial<Facts> => ({ measure: () => length });
  assert.equal(plan(mapped, "list=running each=- sum=-"), "");
  assert.equal(plan(mapped, "list=success each=- sum=-", of(3)), "each*3");
  assert.equal(
    plan(mapped, "list=success each=- sum=-", of(0)),
    "each=skipped sum=skipped run=success",
  );
  assert.equal(
    plan(mapped, "list=success each=- sum=-", of(5)),
    "each=failed sum=upstream_failed run=failed",
  );
  assert.equal(
    plan(mapped, "list=success each=- sum=-", of(undefined)),
    "each=failed sum=upstream_failed run=failed",
  );
  assert.equal(plan(mapped, "list=success each[0]=- each[1]=success sum=-"), "each[0]=scheduled");
  assert.equal(plan(mapped, "list=success each[0]=success each[1]=success sum=-"), "sum=scheduled");
  assert.equal(
    plan(mapped, "list=failed each=- sum=-"),
    "each=upstream_failed sum=upstream_failed run=failed",
  );
});

test("planRun: a teardown runs after its setup, and does not decide", () => {
  assert.equal(
    plan(cleaned, "up=success work=failed more=- down=-"),
    "more=upstream_failed down=scheduled",
  );
  assert.equal(
    plan(cleaned, "up=failed work=- more=- down=-"),
    "work=upstream_failed more=upstream_failed down=upstream_failed run=failed",
  );
  assert.equal(plan(cleaned, "up=success work=success more=success down=failed"), "run=success");
  assert.deepEqual(decidingTasks(cleaned.tasks), ["more"]);
});

test("planRun: what a branch leaves out is skipped, also after clearing", () => {
  const states = instances("a=success b=- c=-");
  const [a, ...rest] = states;
  assert.ok(a);
  assert.equal(plan(line, [{ ...a, skips: ["b"] }, ...rest]), "b=skipped c=skipped run=success");
});

test("planRun: the past, timeouts and failing fast", () => {
  const past: Facts["past"] = (it) => (it.id === "a" ? "not yet" : undefined);
  assert.equal(plan(line, "a=- b=- c=-", { past }), "");
  const limited = { ...line, runTimeoutMs: 500 };
  assert.equal(plan(limited, "a=running b=- c=-"), "a=skipped b=skipped c=skipped run=failed");
  assert.equal(plan({ ...line, runTimeoutMs: 5_000 }, "a=running b=- c=-"), "wake@5000");
  const fast = dag("fast", { failFast: true }, () => {
    empty("a");
    empty("b");
    empty("c");
  }).model;
  assert.equal(plan(fast, "a=failed b=running c=-"), "b=failed c=skipped run=failed");
});

test("planRun: a run that nothing can move fails, and says why", () => {
  const stuck = {
    ...line,
    tasks: line.tasks.map((it) =>
      it.id === "b" ? { ...it, triggerRule: "none_failed" as const } : it,
    ),
  };
  const run = {
    state: "running" as const,
    startedAt: 0,
    instances: instances("a=removed b=- c=-"),
  };
  const { steps } = planRun(stuck, run, facts);
  assert.deepEqual(steps.at(-1), {
    kind: "finish",
    state: "failed",
    reason: "no task that is left can ever run",
  });
});

test("explainWaiting: names the rule", () => {
  const [, b] = line.tasks;
  assert.ok(b);
  const run = {
    state: "running" as const,
    startedAt: 0,
    instances: instances("a=running b=- c=-"),
  };
  assert.equal(
    explainWaiting(line, run, facts, { task: b, mapIndex: -1 }),
    "Trigger rule 'all_success': waits for 1 upstream to succeed",
  );
});

test("planRun: whatever ends how, a run comes to its end, and each plan moves it", () => {
  const rules: TriggerRule[] = [
    "all_success",
    "all_done",
    "one_success",
    "none_failed",
    "all_failed",
    "one_done",
  ];
  const ends: TaskState[] = ["success", "failed", "skipped"];
  const shape = fc.array(
    fc.record({
      rule: fc.constantFrom(...rules),
      before: fc.array(fc.nat(6), { maxLength: 3 }),
      end: fc.constantFrom(...ends),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(shape, (tasks) => {
      const { model } = dag("any", {}, () => {
        const made = tasks.map((it, at) =>
          bash(`t${at}`, { command: "true", triggerRule: it.rule }),
        );
        for (const [at, it] of tasks.entries()) {
          for (const before of it.before) {
            const other = before < at ? made[before] : undefined;
            if (other !== undefined) made[at]?.after(other);
          }
        }
      });
      let states = instances(tasks.map((_, at) => `t${at}=-`).join(" "));
      for (let turn = 0; turn <= tasks.length; turn += 1) {
        const run = { state: "running" as const, startedAt: 0, instances: states };
        const { steps } = planRun(model, run, facts);
        assert.ok(steps.length > 0, "a plan with nothing under way moves the run");
        if (steps.some((it) => it.kind === "finish")) return;
        states = states.map((it) => {
          const step = steps.find((other) => "mapIndex" in other && other.taskId === it.taskId);
          if (step === undefined) return it;
          const end = tasks[Number(it.taskId.slice(1))]?.end ?? "success";
          return { ...it, state: step.kind === "set" ? step.state : end };
        });
      }
      assert.fail("the run does not end");
    }),
    { numRuns: 300 },
  );
});
