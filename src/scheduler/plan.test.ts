import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Node, Pod, PodSpec } from "#api/gen/types.ts";
import { seededRandom } from "#base/random.ts";
import { Cluster } from "./cluster.ts";

type Labels = Record<string, string>;

function node(
  name: string,
  over: { cpu?: string; labels?: Labels; spec?: Node["spec"] } = {},
): Node {
  const labels = { "kubernetes.io/hostname": name, ...over.labels };
  const allocatable = { cpu: over.cpu ?? "4", memory: "8Gi", pods: "110" };
  return { metadata: { name, labels }, spec: over.spec, status: { allocatable } };
}

function pod(name: string, spec: Partial<PodSpec> = {}, labels: Labels = {}): Pod {
  const containers = spec.containers ?? [{ name: "c" }];
  return {
    metadata: { name, namespace: "default", uid: name, labels },
    spec: { ...spec, containers },
  };
}

function asking(cpu: string): Partial<PodSpec> {
  return { containers: [{ name: "c", resources: { requests: { cpu } } }] };
}

function hostPort(over: { hostIP?: string; protocol?: string }): Partial<PodSpec> {
  return { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80, ...over }] }] };
}

function sidecarAt(port: number) {
  const ports = [{ containerPort: 1, hostPort: port }];
  return { name: "s", restartPolicy: "Always", ports };
}

const onZone = "topology.kubernetes.io/zone";
const onHost = "kubernetes.io/hostname";
const webLabels = { app: "web" };
const web = { matchLabels: webLabels };

function place(nodes: readonly Node[], placed: readonly [Pod, string][], incoming: Pod): string {
  const cluster = new Cluster((selector) => (selector.nothing ? [] : ["default"]));
  for (const it of nodes) cluster.setNode(it);
  for (const [it, at] of placed) cluster.setPod(it, at);
  const placement = cluster.place(
    { pod: incoming, shape: cluster.shapeOf(incoming) },
    seededRandom(1),
  );
  return placement.kind === "bind" ? placement.node : placement.message;
}

const zoned = [
  node("a1", { labels: { [onZone]: "a" } }),
  node("a2", { labels: { [onZone]: "a" } }),
  node("b1", { labels: { [onZone]: "b" } }),
];

function apart(topologyKey: string): Partial<PodSpec> {
  const term = { labelSelector: web, topologyKey };
  return {
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
  };
}

function near(topologyKey: string): Partial<PodSpec> {
  const term = { labelSelector: web, topologyKey };
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
}

function spread(topologyKey: string, whenUnsatisfiable = "DoNotSchedule"): Partial<PodSpec> {
  const constraint = { maxSkew: 1, topologyKey, whenUnsatisfiable, labelSelector: web };
  return { topologySpreadConstraints: [constraint] };
}

interface Case {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly placed?: readonly [Pod, string][];
  readonly pod: Pod;
  readonly want: string;
}

const cases: Case[] = [
  { name: "no nodes", nodes: [], pod: pod("p"), want: "no nodes available to schedule pods" },
  {
    name: "not enough of a resource, and a cordoned node",
    nodes: [
      node("a", { cpu: "1" }),
      node("b", { cpu: "1" }),
      node("c", { spec: { unschedulable: true } }),
    ],
    pod: pod("p", asking("2")),
    want: "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.",
  },
  {
    name: "the emptier node",
    nodes: [node("a"), node("b")],
    placed: [[pod("x", asking("2")), "a"]],
    pod: pod("p", asking("1")),
    want: "b",
  },
  {
    name: "what is on a node counts against it",
    nodes: [node("a", { cpu: "2" })],
    placed: [[pod("x", asking("1500m")), "a"]],
    pod: pod("p", asking("1")),
    want: "0/1 nodes are available: 1 Insufficient cpu.",
  },
  {
    name: "node selector",
    nodes: [node("a"), node("b", { labels: { disk: "ssd" } })],
    pod: pod("p", { nodeSelector: { disk: "ssd" } }),
    want: "b",
  },
  {
    name: "node affinity by name and by expression",
    nodes: zoned,
    pod: pod("p", {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: "metadata.name", operator: "In", values: ["b1"] }] },
            ],
          },
        },
      },
    }),
    want: "b1",
  },
  {
    name: "an empty node selector term matches no node",
    nodes: [node("a")],
    pod: pod("p", {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] },
        },
      },
    }),
    want: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: "a taint keeps away",
    nodes: [node("a", { spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] } })],
    pod: pod("p"),
    want: "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
  },
  {
    name: "a toleration lets in",
    nodes: [node("a", { spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] } })],
    pod: pod("p", { tolerations: [{ key: "gpu", operator: "Exists" }] }),
    want: "a",
  },
  {
    name: "PreferNoSchedule only makes a node less liked",
    nodes: [
      node("a", { spec: { taints: [{ key: "old", effect: "PreferNoSchedule" }] } }),
      node("b"),
    ],
    placed: [[pod("x", asking("1")), "b"]],
    pod: pod("p"),
    want: "b",
  },
  {
    name: "a host port is taken",
    nodes: [node("a")],
    placed: [
      [pod("x", { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80 }] }] }), "a"],
    ],
    pod: pod("p", { containers: [{ name: "c", ports: [{ containerPort: 2, hostPort: 80 }] }] }),
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    name: "a host port is taken at another address and by another protocol",
    nodes: [node("a")],
    placed: [
      [pod("x", hostPort({ hostIP: "127.0.0.2" })), "a"],
      [pod("y", hostPort({ protocol: "UDP" })), "a"],
    ],
    pod: pod("p", hostPort({ hostIP: "127.0.0.1" })),
    want: "a",
  },
  {
    name: "a host port at every address is taken at one",
    nodes: [node("a")],
    placed: [[pod("x", hostPort({ hostIP: "127.0.0.2" })), "a"]],
    pod: pod("p", hostPort({ hostIP: "0.0.0.0" })),
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    name: "a sidecar has host ports, too",
    nodes: [node("a")],
    placed: [[pod("x", { initContainers: [sidecarAt(80)] }), "a"]],
    pod: pod("p", hostPort({})),
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    name: "anti-affinity by zone",
    nodes: zoned,
    placed: [[pod("x", {}, webLabels), "a1"]],
    pod: pod("p", apart(onZone), webLabels),
    want: "b1",
  },
  {
    name: "anti-affinity of a pod that is there keeps the newcomer away",
    nodes: zoned,
    placed: [[pod("x", apart(onZone)), "a1"]],
    pod: pod("p", {}, webLabels),
    want: "b1",
  },
  {
    name: "anti-affinity with nowhere left",
    nodes: [node("a"), node("b")],
    placed: [
      [pod("x", {}, webLabels), "a"],
      [pod("y", {}, webLabels), "b"],
    ],
    pod: pod("p", apart(onHost), webLabels),
    want: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
  },
  {
    name: "affinity goes where the others are",
    nodes: zoned,
    placed: [[pod("x", {}, webLabels), "b1"]],
    pod: pod("p", near(onZone)),
    want: "b1",
  },
  {
    name: "affinity without anyone to be near",
    nodes: zoned,
    pod: pod("p", near(onZone)),
    want: "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
  },
  {
    name: "affinity to its own kind: the first may go anywhere",
    nodes: [node("b1", { labels: { [onZone]: "b" } })],
    pod: pod("p", near(onZone), webLabels),
    want: "b1",
  },
  {
    name: "spread by zone",
    nodes: zoned,
    placed: [[pod("x", {}, webLabels), "a1"]],
    pod: pod("p", spread(onZone), webLabels),
    want: "b1",
  },
  {
    name: "spread: a node without the label is out",
    nodes: [node("plain")],
    pod: pod("p", spread(onZone), webLabels),
    want: "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
  },
  {
    name: "soft spread prefers the emptier zone over the emptier node",
    nodes: zoned,
    placed: [
      [pod("x", {}, webLabels), "a1"],
      [pod("y", {}, webLabels), "a2"],
    ],
    pod: pod("p", spread(onZone, "ScheduleAnyway"), webLabels),
    want: "b1",
  },
  {
    name: "an extended resource that no node has",
    nodes: [node("a")],
    pod: pod("p", {
      containers: [{ name: "c", resources: { requests: { "example.com/gpu": "1" } } }],
    }),
    want: "0/1 nodes are available: 1 Insufficient example.com/gpu.",
  },
];

for (const { name, nodes, placed = [], pod: incoming, want } of cases) {
  test(`planPlacement: ${name}`, () => {
    assert.equal(place(nodes, placed, incoming), want);
  });
}

test("planPlacement: never more on a node than it has, anti-affinity kept, counts undone", () => {
  const step = fc.record({
    cpu: fc.integer({ min: 100, max: 1_500 }),
    isWeb: fc.boolean(),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
      const cluster = new Cluster(() => []);
      for (const name of ["a", "b", "c"]) cluster.setNode(node(name, { cpu: "3" }));
      const running = new Map<string, { pod: Pod; node: string; cpu: number; isWeb: boolean }>();
      const random = seededRandom(seed);
      for (const [i, { cpu, isWeb, remove }] of steps.entries()) {
        const oldest = [...running.values()][0];
        if (remove && oldest !== undefined) {
          cluster.removePod(oldest.pod);
          running.delete(oldest.pod.metadata?.uid ?? "");
          continue;
        }
        const rules = isWeb ? apart(onHost) : {};
        const one = pod(`p${i}`, { ...asking(`${cpu}m`), ...rules }, isWeb ? webLabels : {});
        const placement = cluster.place({ pod: one, shape: cluster.shapeOf(one) }, random);
        const free = ["a", "b", "c"].filter((name) => {
          const here = [...running.values()].filter((it) => it.node === name);
          const used = here.reduce((sum, it) => sum + it.cpu, 0);
          return used + cpu <= 3_000 && !(isWeb && here.some((it) => it.isWeb));
        });
        assert.equal(placement.kind === "bind", free.length > 0);
        if (placement.kind !== "bind") continue;
        assert.ok(free.includes(placement.node));
        cluster.setPod(one, placement.node);
        running.set(`p${i}`, { pod: one, node: placement.node, cpu, isWeb });
      }
    }),
  );
});

test("Cluster: pods seen before their node are counted when it comes, and when it returns", () => {
  const cluster = new Cluster(() => []);
  const big = pod("big", asking("3"));
  cluster.setPod(big, "a");
  const wants = pod("wants", asking("2"));
  cluster.setNode(node("a"));
  assert.equal(
    cluster.place({ pod: wants, shape: cluster.shapeOf(wants) }, seededRandom(1)).kind,
    "unschedulable",
  );
  cluster.removeNode("a", [big]);
  cluster.setNode(node("a"));
  assert.equal(
    cluster.place({ pod: wants, shape: cluster.shapeOf(wants) }, seededRandom(1)).kind,
    "unschedulable",
  );
  cluster.removePod(big);
  assert.equal(
    cluster.place({ pod: wants, shape: cluster.shapeOf(wants) }, seededRandom(1)).kind,
    "bind",
  );
});
