import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, Pod, PodTemplateSpec, ReplicaSet } from "#api/gen/types.ts";
import { planAutoRollback, templateOf } from "./plan.ts";

const now = Date.UTC(2026, 0, 1);
const complete = { replicas: 2, updatedReplicas: 2, availableReplicas: 2, observedGeneration: 2 };
const late = {
  observedGeneration: 2,
  conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
};

function deployment(status: object, annotations: Record<string, string> = {}): Deployment {
  return {
    metadata: { name: "web", generation: 2, annotations },
    spec: { replicas: 2, selector: {}, template: template("new") },
    status,
  };
}

function template(image: string): PodTemplateSpec {
  return { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } };
}

/** `new@3` is the current one; `old@2+` was healthy. */
function replicaSet(text: string): ReplicaSet {
  const [, image = "", revision = "", mark] = /^(\w+)@(\d+)(\+?)$/.exec(text) ?? [];
  const annotations = {
    "deployment.kubernetes.io/revision": revision,
    ...(mark === "+" ? { "gantry.dev/healthy": "true" } : {}),
  };
  const { spec } = template(image);
  const metadata = { labels: { app: "web", "pod-template-hash": revision } };
  return {
    metadata: { name: text, annotations, creationTimestamp: `2026-01-01T00:00:0${revision}Z` },
    spec: { selector: {}, template: { ...(spec === undefined ? {} : { spec }), metadata } },
  };
}

/** `ready:90` for 90 s, `unready`, `crash:4` after 4 restarts. */
function pod(text: string): Pod {
  const [state = "", number = "0"] = text.split(":");
  const at = new Date(now - Number(number) * 1_000).toISOString();
  const isReady = state === "ready";
  const crashing = {
    name: "c",
    image: "",
    imageID: "",
    ready: false,
    restartCount: Number(number),
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated: { exitCode: 7 } },
  };
  return {
    metadata: { name: "p" },
    status: {
      conditions: [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: at }],
      containerStatuses: state === "crash" ? [crashing] : [],
    },
  };
}

interface Case {
  readonly name: string;
  readonly sets: readonly string[];
  readonly pods?: Readonly<Record<string, readonly string[]>>;
  readonly status?: object;
  readonly annotations?: Record<string, string>;
  readonly want: {
    readonly healthy?: readonly string[];
    readonly failure?: RegExp;
    readonly target?: string;
    readonly afterMs?: number;
  };
}

const cases: readonly Case[] = [
  {
    name: "a revision whose pods were ready for a minute is healthy",
    sets: ["new@1"],
    pods: { "new@1": ["ready:61", "ready:90"] },
    want: { healthy: ["new@1"] },
  },
  {
    name: "the youngest pod counts",
    sets: ["new@1"],
    pods: { "new@1": ["ready:60", "ready:20"] },
    want: { afterMs: 41_000 },
  },
  {
    name: "the time is the Deployment's to choose",
    sets: ["new@1"],
    pods: { "new@1": ["ready:6"] },
    annotations: { "gantry.dev/healthy-after-seconds": "5" },
    want: { healthy: ["new@1"] },
  },
  {
    name: "a rollout under way is not healthy, what it replaces may be",
    sets: ["old@1", "new@2"],
    pods: { "new@2": ["ready:90"], "old@1": ["ready:90"] },
    status: { ...complete, updatedReplicas: 1 },
    want: { healthy: ["old@1"], target: "old@1" },
  },
  {
    name: "no pods, no verdict",
    sets: ["new@1"],
    want: {},
  },
  {
    name: "a crash loop goes back to the last healthy revision",
    sets: ["a@1+", "b@2+", "c@3", "new@4"],
    pods: { "new@4": ["ready:1", "crash:3"] },
    status: {},
    want: {
      failure: /^container c of pod p has ended 3 times, the last time with exit code 7$/,
      target: "b@2+",
    },
  },
  {
    name: "fewer restarts are not a loop yet",
    sets: ["a@1+", "new@2"],
    pods: { "new@2": ["crash:2"] },
    status: {},
    want: { target: "a@1+" },
  },
  {
    name: "the number of restarts is the Deployment's to choose",
    sets: ["a@1+", "new@2"],
    pods: { "new@2": ["crash:1"] },
    annotations: { "gantry.dev/crash-loop-restarts": "1" },
    status: {},
    want: { failure: /ended 1 times/, target: "a@1+" },
  },
  {
    name: "a missed deadline goes back",
    sets: ["a@1+", "new@2"],
    status: late,
    want: { failure: /deadline/, target: "a@1+" },
  },
  {
    name: "a deadline missed by an older template says nothing",
    sets: ["a@1+", "new@2"],
    status: { ...late, observedGeneration: 1 },
    want: { target: "a@1+" },
  },
  {
    name: "what was healthy once does not fail",
    sets: ["a@1+", "new@2+"],
    pods: { "new@2+": ["crash:9"] },
    status: late,
    want: { target: "a@1+" },
  },
  {
    name: "nowhere to go",
    sets: ["a@1", "new@2"],
    status: late,
    want: { failure: /deadline/ },
  },
  {
    name: "nonsense in an annotation is as if it were not there",
    sets: ["a@1+", "new@2"],
    pods: { "new@2": ["crash:2"] },
    annotations: { "gantry.dev/crash-loop-restarts": "-1" },
    status: {},
    want: { target: "a@1+" },
  },
];

for (const { name, sets, pods = {}, status = complete, annotations, want } of cases) {
  test(`planAutoRollback: ${name}`, () => {
    const plan = planAutoRollback({
      deployment: deployment(status, annotations),
      replicaSets: sets.map(replicaSet),
      podsOf: (it) => (pods[it.metadata?.name ?? ""] ?? []).map(pod),
      now,
    });
    assert.deepEqual(
      plan.healthy.map((it) => it.metadata?.name),
      want.healthy ?? [],
    );
    if (want.failure === undefined) assert.equal(plan.failure, undefined);
    else assert.match(plan.failure ?? "", want.failure);
    assert.equal(plan.target?.metadata?.name, want.target);
    assert.equal(plan.afterMs, want.afterMs);
  });
}

test("planAutoRollback: a paused Deployment is left alone", () => {
  const paused = deployment(late);
  const plan = planAutoRollback({
    deployment: { ...paused, spec: { selector: {}, ...paused.spec, paused: true, template: {} } },
    replicaSets: ["a@1+", "new@2"].map(replicaSet),
    podsOf: () => [],
    now,
  });
  assert.equal(plan.failure, undefined);
});

test("templateOf: without the label that only ReplicaSets carry", () => {
  assert.deepEqual(templateOf(replicaSet("old@1"))?.metadata, { labels: { app: "web" } });
});
