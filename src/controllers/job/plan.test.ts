import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Job, JobSpec, Pod } from "#api/gen/types.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";
import { indexOf, trackingFinalizer } from "./job-pods.ts";
import { jobPod } from "./new-pod.ts";
import { planJob, type JobPlan } from "./plan.ts";
import { isFinished, jobStatus } from "./status.ts";

const start = Date.UTC(2026, 0, 1);

function jobOf(spec: Partial<JobSpec>): Job {
  const template = { spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" } };
  return {
    metadata: { name: "j", namespace: "n", uid: "job" },
    spec: { parallelism: 1, backoffLimit: 6, suspend: false, template, ...spec },
  };
}

/** Plays API server and kubelet: what a plan asks for happens, as far as it gets. */
class World {
  job: Job;
  pods: Pod[] = [];
  now = start;
  /** Ends of pods that the Job must count. */
  readonly ends = { succeeded: 0, failed: 0 };
  #serial = 0;

  constructor(spec: Partial<JobSpec>) {
    this.job = jobOf(spec);
  }

  plan(): JobPlan {
    return planJob(this.job, this.pods, this.now);
  }

  /** One look; `steps` of its four effects happen before the controller is killed. */
  look(steps = 4): JobPlan {
    const plan = this.plan();
    if (isFinished(this.job)) return plan;
    if (steps > 0) this.job = { ...this.job, status: jobStatus(this.job, plan, this.now) };
    if (steps > 1) for (const pod of plan.counts.release) this.release(pod);
    if (steps > 2) for (const pod of plan.remove) this.delete(pod);
    if (steps > 3) for (const it of plan.create) this.create(jobPod(this.job, it));
    return plan;
  }

  settle(): void {
    for (let round = 0; round < 10; round += 1) this.look();
  }

  create(pod: Pod): void {
    const name = `p${this.#serial++}`;
    const creationTimestamp = new Date(this.now).toISOString();
    const metadata = { ...pod.metadata, name, uid: name, creationTimestamp };
    this.pods.push({ ...pod, metadata, status: { phase: "Running" } });
  }

  release(pod: Pod): void {
    this.#change(pod, (it) => {
      const finalizers = it.metadata?.finalizers?.filter((name) => name !== trackingFinalizer);
      return { ...it, metadata: { ...it.metadata, finalizers } };
    });
    this.pods = this.pods.filter(
      (it) => it.metadata?.deletionTimestamp === undefined || it.metadata.finalizers?.length !== 0,
    );
  }

  delete(pod: Pod): void {
    const deletionTimestamp = new Date(this.now).toISOString();
    const phase = pod.status?.phase;
    if (phase === "Running") this.ends.failed += 1;
    this.#change(pod, (it) => ({ ...it, metadata: { ...it.metadata, deletionTimestamp } }));
  }

  /** The containers of the pod end; one that was being deleted has been counted by that. */
  end(pod: Pod | undefined, phase: "Succeeded" | "Failed", exitCode = 1): void {
    if (pod === undefined || pod.status?.phase !== "Running") return;
    const isGoing = pod.metadata?.deletionTimestamp !== undefined;
    if (!isGoing) this.ends[phase === "Failed" ? "failed" : "succeeded"] += 1;
    const finishedAt = new Date(this.now).toISOString();
    const terminated = { exitCode: phase === "Failed" ? exitCode : 0, finishedAt };
    const status = {
      phase: isGoing ? "Failed" : phase,
      containerStatuses: [
        {
          name: "c",
          image: "i",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated },
        },
      ],
    };
    this.#change(pod, (it) => ({ ...it, status }));
  }

  get living(): Pod[] {
    return this.pods.filter(
      (it) => it.status?.phase === "Running" && it.metadata?.deletionTimestamp === undefined,
    );
  }

  conditions(): string {
    const all = this.job.status?.conditions ?? [];
    return all.map((it) => `${it.type}=${it.status}:${it.reason ?? ""}`).join(" ");
  }

  #change(pod: Pod, change: (pod: Pod) => Pod): void {
    const name = pod.metadata?.name;
    this.pods = this.pods.map((it) => (it.metadata?.name === name ? change(it) : it));
  }
}

const complete = "SuccessCriteriaMet=True:CompletionsReached Complete=True:CompletionsReached";

function failedBy(reason: string): string {
  return `FailureTarget=True:${reason} Failed=True:${reason}`;
}

/**
 * What happens to the pods, one letter each time: `s` the first living one succeeds, `f` it fails,
 * `4` it fails with code 42, `d` it is deleted, `w` ten minutes pass.
 */
const cases: [what: string, spec: Partial<JobSpec>, fates: string, want: string, counts: string][] =
  [
    ["one completion", { completions: 1 }, "s", complete, "1/0"],
    ["three, two at a time", { completions: 3, parallelism: 2 }, "sss", complete, "3/0"],
    ["a failure in between", { completions: 2 }, "sfws", complete, "2/1"],
    ["a deleted pod", { completions: 1 }, "dws", complete, "1/1"],
    [
      "too many failures",
      { backoffLimit: 1, completions: 1 },
      "fwfw",
      failedBy("BackoffLimitExceeded"),
      "0/2",
    ],
    [
      "no failure allowed",
      { backoffLimit: 0, completions: 1 },
      "f",
      failedBy("BackoffLimitExceeded"),
      "0/1",
    ],
    ["a work queue", { parallelism: 3 }, "sss", complete, "3/0"],
    [
      "a deadline",
      { completions: 1, activeDeadlineSeconds: 60 },
      "w",
      failedBy("DeadlineExceeded"),
      "0/1",
    ],
    [
      "indexes",
      { completions: 3, parallelism: 3, completionMode: "Indexed" },
      "sss",
      complete,
      "3/0",
    ],
    [
      "an index that fails for good",
      {
        completions: 2,
        parallelism: 2,
        completionMode: "Indexed",
        backoffLimitPerIndex: 0,
        backoffLimit: 99,
      },
      "fs",
      failedBy("FailedIndexes"),
      "1/1",
    ],
    [
      "too many failed indexes",
      {
        completions: 3,
        parallelism: 3,
        completionMode: "Indexed",
        backoffLimitPerIndex: 0,
        backoffLimit: 99,
        maxFailedIndexes: 0,
      },
      "f",
      failedBy("MaxFailedIndexesExceeded"),
      "0/3",
    ],
    [
      "a success policy",
      {
        completions: 3,
        parallelism: 3,
        completionMode: "Indexed",
        successPolicy: { rules: [{ succeededIndexes: "0" }] },
      },
      "s",
      "SuccessCriteriaMet=True:SuccessPolicy Complete=True:SuccessPolicy",
      "1/2",
    ],
    [
      "an exit code that ends the Job",
      {
        completions: 1,
        podFailurePolicy: {
          rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }],
        },
      },
      "4",
      failedBy("PodFailurePolicy"),
      "0/1",
    ],
    [
      "an exit code that does not count",
      {
        completions: 1,
        backoffLimit: 0,
        podFailurePolicy: {
          rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [42] } }],
        },
      },
      "4ws",
      complete,
      "1/0",
    ],
  ];

for (const [what, spec, fates, want, counts] of cases) {
  test(`a Job with ${what}: ${fates} -> ${want.split(" ")[0] ?? ""} ${counts}`, () => {
    const world = new World(spec);
    world.settle();
    for (const fate of fates) {
      const [pod] = world.living;
      if (fate === "s") world.end(pod, "Succeeded");
      if (fate === "f") world.end(pod, "Failed");
      if (fate === "4") world.end(pod, "Failed", 42);
      if (fate === "d" && pod !== undefined) world.delete(pod);
      if (fate === "w") world.now += 600_000;
      world.settle();
      // What was deleted ends at last.
      for (const it of world.pods)
        if (it.metadata?.deletionTimestamp !== undefined) world.end(it, "Failed");
      world.settle();
    }
    assert.equal(world.conditions(), want);
    const { succeeded = 0, failed = 0 } = world.job.status ?? {};
    assert.equal(`${succeeded}/${failed}`, counts);
    assert.equal(world.living.length, 0);
  });
}

test("a suspended Job has no pods, and starts anew when it goes on", () => {
  const world = new World({ completions: 2, parallelism: 2 });
  world.settle();
  assert.equal(world.living.length, 2);
  world.job = {
    ...world.job,
    spec: { ...jobOf({ completions: 2, parallelism: 2 }).spec, suspend: true } as JobSpec,
  };
  world.settle();
  assert.equal(world.living.length, 0);
  assert.match(world.conditions(), /Suspended=True:JobSuspended/);
  world.now += 1_000_000;
  world.job = { ...world.job, spec: { ...world.job.spec, suspend: false } as JobSpec };
  world.settle();
  assert.equal(world.living.length, 2);
  assert.match(world.conditions(), /Suspended=False:JobResumed/);
  assert.equal(Date.parse(world.job.status?.startTime ?? ""), world.now);
});

test("after a failure the next pod waits, twice as long each time", () => {
  const world = new World({ completions: 1 });
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    world.settle();
    world.end(world.living[0], "Failed");
    world.settle();
    waits.push(world.plan().afterMs ?? 0);
    world.now += waits.at(-1) ?? 0;
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000]);
});

test("indexed pods know their index, by annotation, label, host name and environment", () => {
  const job = jobOf({ completions: 2, completionMode: "Indexed" });
  const pod = jobPod(job, { index: 1, failures: undefined });
  assert.equal(indexOf(pod), 1);
  assert.equal(pod.spec?.hostname, "j-1");
  assert.equal(pod.metadata?.generateName, "j-1-");
  assert.equal(pod.spec.containers.at(0)?.env?.at(0)?.name, "JOB_COMPLETION_INDEX");
});

test("indexes: lists and sets", () => {
  for (const [text, set] of [
    ["", []],
    ["1,3-5", [1, 3, 4, 5]],
    ["0,1", [0, 1]],
    ["0-2,7", [0, 1, 2, 7]],
  ] as const) {
    assert.deepEqual([...parseIndexes(text, 10)], [...set]);
    assert.equal(formatIndexes(new Set(set)), text);
  }
  assert.deepEqual([...parseIndexes("1,3-5", 4)], [1, 3]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(40)), (list) => {
      const set = new Set(list);
      assert.deepEqual(parseIndexes(formatIndexes(set), 41), new Set(list.sort((a, b) => a - b)));
    }),
  );
});

test("whatever becomes of pods and controller, every end is counted once, and no more run than may", () => {
  const fate = fc.record({
    kind: fc.constantFrom("succeed", "fail", "delete", "wait", "look"),
    at: fc.nat(5),
    steps: fc.nat(4),
  });
  const shape = fc.record({
    completions: fc.integer({ min: 1, max: 5 }),
    parallelism: fc.integer({ min: 1, max: 4 }),
    isIndexed: fc.boolean(),
  });
  fc.assert(
    fc.property(shape, fc.array(fate, { maxLength: 40 }), ({ isIndexed, ...spec }, fates) => {
      const mode = isIndexed ? "Indexed" : "NonIndexed";
      const world = new World({ ...spec, completionMode: mode, backoffLimit: 1_000 });
      for (const { kind, at, steps } of fates) {
        const pod = world.living[at];
        if (kind === "succeed") world.end(pod, "Succeeded");
        if (kind === "fail") world.end(pod, "Failed");
        if (kind === "delete" && pod !== undefined) world.delete(pod);
        if (kind === "wait") world.now += 600_000;
        world.look(steps);
        assert.ok(world.living.length <= spec.parallelism);
      }
      for (let round = 0; round < 40 && !isFinished(world.job); round += 1) {
        for (const pod of world.pods) world.end(pod, "Succeeded");
        world.now += 600_000;
        world.settle();
      }
      assert.equal(world.conditions(), complete);
      const { succeeded, failed } = world.job.status ?? {};
      assert.equal(succeeded, isIndexed ? spec.completions : world.ends.succeeded);
      assert.equal(failed, world.ends.failed);
    }),
    { numRuns: 300 },
  );
});
