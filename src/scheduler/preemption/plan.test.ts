import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Node, Pod, PodDisruptionBudget, PodSpec } from "#api/gen/types.ts";
import { seededRandom } from "#base/random.ts";
import { Cluster, type Incoming } from "#scheduler/cluster.ts";

function node(name: string, over: { cpu?: string; spec?: Node["spec"]; zone?: string } = {}): Node {
  const { cpu = "4", spec, zone = name } = over;
  const labels = { "kubernetes.io/hostname": name, zone };
  const allocatable = { cpu, memory: "8Gi", pods: "110", "example.com/foo": "5" };
  return { metadata: { name, labels }, spec, status: { allocatable } };
}

interface PodOptions extends Partial<PodSpec> {
  readonly requests?: Record<string, string>;
  readonly hostPort?: number;
  readonly labels?: Record<string, string>;
}

function pod(name: string, priority: number, options: PodOptions = {}): Pod {
  const { requests = {}, hostPort, labels = { app: "web" }, ...spec } = options;
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort }];
  return {
    metadata: { name, namespace: "default", uid: name, labels },
    spec: { ...spec, priority, containers: [{ name: "c", resources: { requests }, ports }] },
  };
}

function cpu(amount: string): PodOptions {
  return { requests: { cpu: amount } };
}

function apart(topologyKey: string): PodOptions {
  const term = { labelSelector: { matchLabels: { app: "web" } }, topologyKey };
  return {
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
  };
}

function protecting(app: string, disruptionsAllowed = 0): PodDisruptionBudget {
  const counts = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  return {
    metadata: { name: "b", namespace: "default" },
    spec: { selector: { matchLabels: { app } } },
    status: { disruptionsAllowed, ...counts },
  };
}

interface Scene {
  readonly nodes: readonly Node[];
  readonly placed: readonly (readonly [Pod, string])[];
  readonly nominated?: readonly (readonly [Pod, string])[];
}

function clusterOf({ nodes, placed, nominated = [] }: Scene): Cluster {
  const cluster = new Cluster(() => []);
  for (const it of nodes) cluster.setNode(it);
  for (const [it, at] of placed) cluster.setPod(it, at);
  for (const [it, at] of nominated) cluster.nominate(it, at);
  return cluster;
}

/** When each pod began: in the order of the last digit of its name. */
function startedAtMs(it: { readonly name: string }): number {
  return Number(it.name.slice(-1));
}

function planFor(
  cluster: Cluster,
  incoming: Incoming,
  budgets: readonly PodDisruptionBudget[] = [],
): string {
  const random = seededRandom(1);
  const placement = cluster.place(incoming, random);
  if (placement.kind === "bind") return `fits ${placement.node}`;
  const plan = cluster.planPreemption(incoming, placement, { budgets, startedAtMs }, random);
  if (plan.kind === "hopeless") return plan.message;
  return `${plan.node}: ${plan.victims.map((it) => it.name).join(" ")}`;
}

function hopeless(reasons: string, nodes = 1): string {
  return `0/${nodes} nodes are available: ${reasons}.`;
}

const cases: readonly (Scene & {
  readonly name: string;
  readonly pod: Pod;
  readonly budgets?: readonly PodDisruptionBudget[];
  readonly want: string;
})[] = [
  {
    name: "the less important goes",
    nodes: [node("a")],
    placed: [
      [pod("low1", 1, cpu("2")), "a"],
      [pod("mid2", 5, cpu("2")), "a"],
    ],
    pod: pod("p", 10, cpu("2")),
    want: "a: low1",
  },
  {
    name: "an extended resource",
    nodes: [node("a"), node("b")],
    placed: [
      [pod("low1", 1, { requests: { "example.com/foo": "2" } }), "a"],
      [pod("mid2", 5, { requests: { "example.com/foo": "2" } }), "a"],
      [pod("mid3", 5, { requests: { "example.com/foo": "2" } }), "b"],
      [pod("mid4", 5, { requests: { "example.com/foo": "2" } }), "b"],
    ],
    pod: pod("p", 10, { requests: { "example.com/foo": "2" } }),
    want: "a: low1",
  },
  {
    name: "equals are safe",
    nodes: [node("a")],
    placed: [[pod("x1", 10, cpu("4")), "a"]],
    pod: pod("p", 10, cpu("1")),
    want: hopeless("1 No preemption victims found for incoming pod"),
  },
  {
    name: "no use where the pod would not fit an empty node",
    nodes: [node("a"), node("b", { spec: { unschedulable: true } }), node("c", { cpu: "8" })],
    placed: [
      [pod("x1", 1, cpu("4")), "a"],
      [pod("x2", 20, cpu("8")), "c"],
    ],
    pod: pod("p", 10, cpu("6")),
    want: hopeless(
      "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling",
      3,
    ),
  },
  {
    name: "not enough even without them",
    nodes: [node("a")],
    placed: [
      [pod("low1", 1, cpu("1")), "a"],
      [pod("high2", 20, cpu("3")), "a"],
    ],
    pod: pod("p", 10, cpu("2")),
    want: hopeless("1 Insufficient cpu"),
  },
  {
    name: "as few as will do, of equals those that began last",
    nodes: [node("a")],
    placed: [
      [pod("x1", 1, cpu("1")), "a"],
      [pod("x2", 1, cpu("1")), "a"],
      [pod("x3", 1, cpu("1")), "a"],
      [pod("x4", 1, cpu("1")), "a"],
    ],
    pod: pod("p", 10, cpu("2")),
    want: "a: x3 x4",
  },
  {
    name: "a budget spares a pod, and another goes",
    nodes: [node("a")],
    placed: [
      [pod("x1", 1, { ...cpu("2"), labels: { app: "db" } }), "a"],
      [pod("x2", 5, cpu("2")), "a"],
    ],
    budgets: [protecting("db")],
    pod: pod("p", 10, cpu("2")),
    want: "a: x2",
  },
  {
    name: "a budget does not stop it where nothing else helps",
    nodes: [node("a")],
    placed: [[pod("x1", 1, cpu("4")), "a"]],
    budgets: [protecting("web")],
    pod: pod("p", 10, cpu("2")),
    want: "a: x1",
  },
  {
    name: "a node without violated budgets, though its victim is more important",
    nodes: [node("a"), node("b")],
    placed: [
      [pod("x1", 1, { ...cpu("4"), labels: { app: "db" } }), "a"],
      [pod("x2", 5, cpu("4")), "b"],
    ],
    budgets: [protecting("db")],
    pod: pod("p", 10, cpu("2")),
    want: "b: x2",
  },
  {
    name: "a host port",
    nodes: [node("a")],
    placed: [
      [pod("x1", 1, { hostPort: 80 }), "a"],
      [pod("x2", 1, { hostPort: 81 }), "a"],
    ],
    pod: pod("p", 10, { hostPort: 80 }),
    want: "a: x1",
  },
  {
    name: "anti-affinity of the newcomer",
    nodes: [node("a")],
    placed: [
      [pod("x1", 1), "a"],
      [pod("x2", 1, { labels: { app: "db" } }), "a"],
    ],
    pod: pod("p", 10, apart("kubernetes.io/hostname")),
    want: "a: x1",
  },
  {
    name: "anti-affinity of one that is there",
    nodes: [node("a")],
    placed: [[pod("x1", 1, apart("kubernetes.io/hostname")), "a"]],
    pod: pod("p", 10),
    want: "a: x1",
  },
  {
    name: "anti-affinity over several nodes: pods of others do not go",
    nodes: [node("a", { zone: "z" }), node("b", { zone: "z" })],
    placed: [
      [pod("x1", 1), "a"],
      [pod("x2", 1), "b"],
    ],
    pod: pod("p", 10, apart("zone")),
    want: hopeless("2 node(s) didn't match pod anti-affinity rules", 2),
  },
  {
    name: "a pod that needs company",
    nodes: [node("a")],
    placed: [[pod("x1", 1, cpu("4")), "a"]],
    pod: pod("p", 10, {
      ...cpu("1"),
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app: "cache" } }, topologyKey: "zone" },
          ],
        },
      },
    }),
    want: hopeless("1 node(s) didn't match pod affinity rules"),
  },
  {
    name: "room promised to an equal is not to be had",
    nodes: [node("a")],
    placed: [
      [pod("x1", 1, cpu("2")), "a"],
      [pod("x2", 1, cpu("2")), "a"],
    ],
    nominated: [[pod("n", 10, cpu("3")), "a"]],
    pod: pod("p", 10, cpu("2")),
    want: hopeless("1 Insufficient cpu"),
  },
  {
    name: "room promised to one less important is",
    nodes: [node("a")],
    placed: [[pod("x1", 1, cpu("4")), "a"]],
    nominated: [[pod("n", 5, cpu("4")), "a"]],
    pod: pod("p", 10, cpu("4")),
    want: "a: x1",
  },
  {
    name: "promised room is kept from others",
    nodes: [node("a"), node("b")],
    placed: [[pod("x1", 1, cpu("3")), "b"]],
    nominated: [[pod("n", 10, cpu("4")), "a"]],
    pod: pod("p", 1, cpu("1")),
    want: "fits b",
  },
  {
    name: "a pod's own promised room is its own",
    nodes: [node("a"), node("b")],
    placed: [[pod("x1", 1, cpu("1")), "a"]],
    nominated: [[pod("p", 10, cpu("3")), "a"]],
    pod: pod("p", 10, cpu("3")),
    want: "fits a",
  },
  {
    name: "nobody is near a pod that is not there yet",
    nodes: [node("a")],
    placed: [],
    nominated: [[pod("n", 10, { labels: { app: "cache" } }), "a"]],
    pod: pod("p", 1, {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app: "cache" } }, topologyKey: "zone" },
          ],
        },
      },
    }),
    want: hopeless("1 Preemption is not helpful for scheduling"),
  },
];

for (const { name, pod: incoming, budgets, want, ...scene } of cases) {
  test(`preemption: ${name}`, () => {
    const cluster = clusterOf(scene);
    const asking = { pod: incoming, shape: cluster.shapeOf(incoming) };
    assert.equal(planFor(cluster, asking, budgets), want);
    // Trying pods out left everything as it was.
    assert.equal(planFor(cluster, asking, budgets), want);
  });
}

test("preemption: only less important pods, enough, none too many, and nothing else changed", () => {
  const placed = fc.record({
    cpu: fc.integer({ min: 1, max: 20 }),
    priority: fc.integer({ min: 0, max: 4 }),
    at: fc.constantFrom("a", "b", "c"),
    isWeb: fc.boolean(),
    hostPort: fc.constantFrom(undefined, 80, 81),
  });
  fc.assert(
    fc.property(
      fc.array(placed, { maxLength: 24 }),
      placed,
      fc.boolean(),
      (there, next, isApart) => {
        const cluster = clusterOf({ nodes: ["a", "b", "c"].map((it) => node(it)), placed: [] });
        const pods = there.map((it, i) => podOf(`p${i}`, it));
        for (const [i, it] of pods.entries()) {
          const incoming = { pod: it, shape: cluster.shapeOf(it) };
          const placement = cluster.place(incoming, seededRandom(i));
          if (placement.kind === "bind") cluster.setPod(it, placement.node);
        }
        const rules = isApart ? apart("kubernetes.io/hostname") : {};
        const pod = podOf("next", next, rules);
        const incoming = { pod, shape: cluster.shapeOf(pod) };
        const placement = cluster.place(incoming, seededRandom(1));
        if (placement.kind === "bind") return;
        const facts = { budgets: [protecting("web", 1)], startedAtMs };
        const plan = cluster.planPreemption(incoming, placement, facts, seededRandom(1));
        assert.deepEqual(cluster.place(incoming, seededRandom(1)), placement);
        if (plan.kind === "hopeless") return;
        const gone = pods.filter((it) => plan.victims.some(({ uid }) => uid === it.metadata?.uid));
        assert.ok(gone.length > 0 && gone.length === plan.victims.length);
        for (const it of gone) {
          assert.equal(cluster.nodeOf(it), plan.node);
          assert.ok((it.spec?.priority ?? 0) < next.priority);
          cluster.removePod(it);
        }
        const fits = (): boolean => {
          const found = cluster.place(incoming, seededRandom(1));
          return found.kind === "bind" && found.node === plan.node;
        };
        assert.ok(fits());
        for (const it of gone) {
          cluster.setPod(it, plan.node);
          assert.ok(!fits(), "a victim too many");
          cluster.removePod(it);
        }
      },
    ),
    { numRuns: 300 },
  );
});

function podOf(
  name: string,
  it: { cpu: number; priority: number; isWeb: boolean; hostPort: number | undefined },
  rules: PodOptions = {},
): Pod {
  const labels = { app: it.isWeb ? "web" : "db" };
  const hostPort = it.hostPort === undefined ? {} : { hostPort: it.hostPort };
  return pod(name, it.priority, { ...rules, ...cpu(`${it.cpu * 100}m`), labels, ...hostPort });
}
