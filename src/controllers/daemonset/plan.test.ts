import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DaemonSet, DaemonSetSpec, Node, Pod } from "#api/gen/types.ts";
import { fitOf, nodeOfPod, specForNode } from "./fit.ts";
import { planDaemonSet, type DaemonSetPlan } from "./plan.ts";

const now = Date.UTC(2026, 0, 1, 12);

function setOf(update: object = {}, pod: object = {}): DaemonSet {
  const template = { spec: { containers: [{ name: "c", image: "i" }], ...pod } };
  const spec: DaemonSetSpec = { selector: {}, template, updateStrategy: { rollingUpdate: update } };
  return { metadata: { name: "d", uid: "d" }, spec };
}

/** `a`, `a zone=x`, `a key:NoSchedule` */
function node(text: string): Node {
  const [name = "", ...marks] = text.split(" ");
  const labels: Record<string, string> = {};
  const taints = [];
  for (const mark of marks) {
    const [key = "", value = ""] = mark.split(/[=:]/);
    if (mark.includes("=")) labels[key] = value;
    else taints.push({ key, effect: value });
  }
  return { metadata: { name, labels }, spec: { taints } };
}

/** `a`, with `'` new, `!` not ready, `-` going, `x` failed long ago, `y` failed just now. */
function pod(text: string, index: number): Pod {
  const nodeName = text.charAt(0);
  const has = (mark: string): boolean => text.slice(1).includes(mark);
  const created = new Date(has("y") ? now - 1_000 : now - 60_000 + index).toISOString();
  return {
    metadata: {
      name: `${nodeName}${index}`,
      creationTimestamp: created,
      labels: { "controller-revision-hash": has("'") ? "new" : "old" },
      ...(has("-") ? { deletionTimestamp: created } : {}),
    },
    spec: { containers: [], nodeName },
    status: {
      phase: has("x") || has("y") ? "Failed" : "Running",
      conditions: [
        { type: "Ready", status: has("!") ? "False" : "True", lastTransitionTime: created },
      ],
    },
  };
}

function plan(set: DaemonSet, nodes: string, pods: string): DaemonSetPlan {
  const words = pods.split(" ").filter((it) => it !== "");
  const all = { nodes: nodes.split(", ").map(node), pods: words.map(pod), hash: "new" };
  return planDaemonSet(set, all, now);
}

function show({ create, remove }: DaemonSetPlan): string {
  return [
    ...create.map((it) => `+${it}`),
    ...remove.map((it) => `-${it.metadata?.name ?? ""}`),
  ].join(" ");
}

const cases: [what: string, set: DaemonSet, nodes: string, pods: string, want: string][] = [
  ["none yet", setOf(), "a, b", "", "+a +b"],
  ["all there", setOf(), "a, b", "a' b'", ""],
  ["a node more", setOf(), "a, b", "a'", "+b"],
  ["two on a node", setOf(), "a", "a' a'", "-a1"],
  [
    "a node not selected",
    setOf({}, { nodeSelector: { zone: "x" } }),
    "a zone=x, b",
    "a' b'",
    "-b1",
  ],
  ["a node that refuses new ones", setOf(), "a t:NoSchedule, b t:NoSchedule", "a'", ""],
  ["a node that drives them out", setOf(), "a t:NoExecute", "a'", "-a0"],
  ["tolerated", setOf({}, { tolerations: [{ operator: "Exists" }] }), "a t:NoExecute", "", "+a"],
  ["cordoned", setOf(), "a node.kubernetes.io/unschedulable:NoSchedule", "", "+a"],
  ["lost for now", setOf(), "a node.kubernetes.io/unreachable:NoExecute", "a'", ""],
  ["failed long ago", setOf(), "a", "ax'", "+a -a0"],
  ["failed just now", setOf(), "a", "ay'", ""],
  ["the old one still goes", setOf(), "a", "a'-", ""],
  ["updated one at a time", setOf(), "a, b, c", "a b c", "-a0"],
  ["updated two at a time", setOf({ maxUnavailable: 2 }), "a, b, c", "a b c", "-a0 -b1"],
  ["updated by half", setOf({ maxUnavailable: "50%" }), "a, b, c", "a b c", "-a0 -b1"],
  ["one is new and not ready", setOf(), "a, b", "a'! b", ""],
  ["an old one that is not ready", setOf(), "a, b", "a! b", "-a0"],
  ["with a surge", setOf({ maxSurge: 1, maxUnavailable: 0 }), "a, b", "a b", "+a"],
  ["a surge under way", setOf({ maxSurge: 1, maxUnavailable: 0 }), "a, b", "a b a'!", ""],
  ["a surge that is ready", setOf({ maxSurge: 1, maxUnavailable: 0 }), "a, b", "a b a'", "-a0"],
];

for (const [what, set, nodes, pods, want] of cases) {
  test(`planDaemonSet: ${what} [${pods}] on [${nodes}] -> [${want}]`, () => {
    assert.equal(show(plan(set, nodes, pods)), want);
  });
}

test("planDaemonSet: the status counts nodes", () => {
  const { status } = plan(
    setOf({}, { nodeSelector: { zone: "x" } }),
    "a zone=x, b zone=x, c",
    "a' b! c",
  );
  assert.deepEqual(status, {
    desiredNumberScheduled: 2,
    currentNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 1,
  });
});

test("planDaemonSet: from anything, one new pod on every node, and never too few on the way", () => {
  const nodes = ["a", "b", "c", "d"];
  const state = fc.constantFrom("", "'", "!", "'!");
  const start = fc.array(fc.tuple(fc.constantFrom(...nodes), state), { maxLength: 8 });
  fc.assert(
    fc.property(start, fc.integer({ min: 1, max: 3 }), (given, maxUnavailable) => {
      const set = setOf({ maxUnavailable });
      let pods = given.map(([on, it], index) => pod(`${on}${it}`, index));
      const all = { nodes: nodes.map(node), hash: "new" };
      for (let round = 0; round < 20; round += 1) {
        const step = planDaemonSet(set, { ...all, pods }, now);
        const gone = new Set(step.remove);
        pods = pods
          .filter((it) => !gone.has(it))
          .map((it, index) =>
            pod(
              `${nodeOfPod(it)}${it.metadata?.labels?.["controller-revision-hash"] === "new" ? "'" : ""}`,
              index,
            ),
          );
        for (const on of step.create) pods.push(pod(`${on}'`, pods.length));
      }
      assert.deepEqual(pods.map(nodeOfPod).sort(), nodes);
      assert.equal(planDaemonSet(set, { ...all, pods }, now).status.updatedNumberScheduled, 4);
    }),
  );
});

test("a pod is bound to its node by affinity, which keeps the template's own terms", () => {
  const own = { matchExpressions: [{ key: "zone", operator: "Exists" }] };
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [own] } },
  };
  const spec = specForNode({ spec: { containers: [], affinity } }, "a");
  assert.equal(nodeOfPod({ spec }), "a");
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  assert.deepEqual(terms?.nodeSelectorTerms[0]?.matchExpressions, own.matchExpressions);
  const tolerated = (spec?.tolerations ?? []).map((it) => it.key);
  assert.ok(tolerated.includes("node.kubernetes.io/not-ready"));
  assert.deepEqual(fitOf(setOf({}, { nodeName: "b" }), node("a")), {
    shouldRun: false,
    mayStay: false,
  });
});
