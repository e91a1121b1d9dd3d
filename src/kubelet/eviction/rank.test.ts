import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import type { Reclaim } from "./plan.ts";
import { evictionMessage, rankPods, type PodUsage } from "./rank.ts";
import { parseThresholds } from "./thresholds.ts";

interface Given {
  readonly name: string;
  /** Mebibytes. */
  readonly memory?: number;
  readonly request?: number;
  readonly disk?: number;
  readonly processes?: number;
  readonly priority?: number;
  readonly annotations?: Record<string, string>;
}

const mebibyte = 1024 ** 2;

function usage(given: Given): PodUsage {
  const { name, memory = 0, request = 0, disk = 0, processes = 1, priority = 0 } = given;
  const resources = request === 0 ? {} : { requests: { memory: `${request}Mi` } };
  const spec = { priority, containers: [containerOf("app", { resources })] };
  const pod: Pod = podOf(spec, { name, annotations: given.annotations ?? {} });
  const own = { memoryBytes: memory * mebibyte, diskBytes: disk * mebibyte };
  return { pod, ...own, inodes: 0, processes, containers: new Map([["app", own]]) };
}

const cases: [what: string, resource: Reclaim["resource"], given: Given[], want: string][] = [
  [
    "over the request first",
    "memory",
    [
      { name: "modest", memory: 500, request: 600 },
      { name: "greedy", memory: 20, request: 10 },
    ],
    "greedy modest",
  ],
  [
    "then the less important",
    "memory",
    [
      { name: "important", memory: 900, priority: 10 },
      { name: "plain", memory: 1 },
    ],
    "plain important",
  ],
  [
    "then the one further above its request",
    "memory",
    [
      { name: "near", memory: 110, request: 100 },
      { name: "far", memory: 50 },
    ],
    "far near",
  ],
  [
    "critical pods and those of the node are spared",
    "memory",
    [
      { name: "critical", memory: 100, priority: 2_000_000_000 },
      { name: "static", memory: 100, annotations: { "kubernetes.io/config.source": "file" } },
      { name: "plain", memory: 1 },
    ],
    "plain",
  ],
  [
    "disk by what is on it",
    "ephemeral-storage",
    [
      { name: "small", disk: 1, memory: 900 },
      { name: "large", disk: 2 },
    ],
    "large small",
  ],
  [
    "processes by importance and number",
    "pids",
    [
      { name: "few", processes: 2 },
      { name: "many", processes: 20 },
      { name: "important", processes: 99, priority: 1 },
    ],
    "many few important",
  ],
];

for (const [what, resource, given, want] of cases) {
  test(`rankPods: ${what} -> ${want}`, () => {
    const ranked = rankPods(given.map(usage), resource).map((it) => it.pod.metadata?.name);
    assert.equal(ranked.join(" "), want);
  });
}

test("evictionMessage: names the threshold and who is above its request", () => {
  const [threshold] = parseThresholds("memory.available<100Mi");
  assert.ok(threshold !== undefined);
  const observation = { available: 50 * mebibyte, capacity: 1024 * mebibyte };
  const reclaim: Reclaim = { threshold, observation, resource: "memory", isHard: true };
  assert.equal(
    evictionMessage(usage({ name: "greedy", memory: 20, request: 10 }), reclaim),
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. " +
      "Container app was using 20Mi, request is 10Mi, has larger consumption of memory. ",
  );
});
