import { performance } from "node:perf_hooks";
import type { Node, Pod } from "#api/gen/types.ts";
import { seededRandom } from "#base/random.ts";
import { nameOf } from "#client/object-key.ts";
import { Cluster } from "#scheduler/cluster.ts";
import { inFolder } from "./api.ts";
import { medians, printTable, type Row } from "./report.ts";
import { postedPod, sampleNode } from "./sample-pod.ts";
import { BenchServer } from "./server.ts";

/*
 * The scheduler on 5,000 nodes: the decision alone (shape of the pod, filters and scores over every
 * node, counting it in), then end to end: a client creates pods over TLS, the scheduler in the
 * server's process binds them, a watch sees the last one bound. Each binding is a durable write.
 */

const nodeCount = 5_000;
const rounds = 3;

function podFor(i: number, isSpread: boolean): Pod {
  const app = `app-${i % 60}`;
  const base = postedPod(`pod-${i}`, i) as unknown as Pod;
  const labelSelector = { matchLabels: { app } };
  const spread = [
    { key: "topology.kubernetes.io/zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" },
    { key: "kubernetes.io/hostname", maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway" },
  ].map(({ key, ...rest }) => ({ topologyKey: key, ...rest, labelSelector }));
  return {
    ...base,
    metadata: { name: `pod-${i}`, namespace: "default", uid: `uid-${i}`, labels: { app } },
    spec: {
      containers: base.spec?.containers ?? [],
      ...(isSpread ? { topologySpreadConstraints: spread } : {}),
    },
  };
}

function decide(isSpread: boolean, count: number): { perSecond: number; micros: number } {
  const cluster = new Cluster(() => []);
  const random = seededRandom(1);
  for (let i = 0; i < nodeCount; i++) cluster.setNode(sampleNode(i));
  const pods = Array.from({ length: count }, (_, i) => podFor(i, isSpread));
  const before = process.cpuUsage();
  const since = performance.now();
  for (const pod of pods) {
    const shape = cluster.shapeOf(pod);
    const placement = cluster.place({ pod, shape }, random);
    if (placement.kind !== "bind") throw new Error(placement.message);
    cluster.setPod(pod, placement.node, shape);
  }
  const elapsedMs = performance.now() - since;
  const { user, system } = process.cpuUsage(before);
  return { perSecond: (count / elapsedMs) * 1_000, micros: (user + system) / count };
}

/** The cluster is full: each pod has to make others go, or finds nobody who would. */
function preempt(priority: number, count: number): { perSecond: number; micros: number } {
  const cluster = new Cluster(() => []);
  const random = seededRandom(1);
  for (let i = 0; i < nodeCount; i++) cluster.setNode(sampleNode(i));
  const filler = fillers();
  for (const [i, it] of filler.entries()) {
    cluster.setPod(it, nameOf(sampleNode(i % nodeCount)));
  }
  const facts = { budgets: [], startedAtMs: () => 0 };
  const before = process.cpuUsage();
  const since = performance.now();
  for (let i = 0; i < count; i++) {
    const pod = demanding(`next-${i}`, priority);
    const incoming = { pod, shape: cluster.shapeOf(pod) };
    const placement = cluster.place(incoming, random);
    if (placement.kind === "bind") throw new Error("there is room");
    const plan = cluster.planPreemption(incoming, placement, facts, random);
    if ((plan.kind === "preempt") !== priority > 0) throw new Error(plan.kind);
    if (plan.kind === "preempt") cluster.nominate(pod, plan.node);
  }
  const elapsedMs = performance.now() - since;
  const { user, system } = process.cpuUsage(before);
  return { perSecond: (count / elapsedMs) * 1_000, micros: (user + system) / count };
}

/** Ten pods for each node, which take all of its processors. */
function fillers(): Pod[] {
  return Array.from({ length: nodeCount * 10 }, (_, i) => demanding(`full-${i}`, 0));
}

/** Asks for a tenth of a node. */
function demanding(name: string, priority: number): Pod {
  const { allocatable } = (sampleNode(0) as Node).status ?? {};
  const cpu = Number(allocatable?.["cpu"] ?? "0") * 100;
  const resources = { requests: { cpu: `${cpu}m` } };
  return {
    metadata: { name, namespace: "default", uid: name, labels: { app: "a" } },
    spec: { priority, containers: [{ name: "c", resources }] },
  };
}

function preemptionRow(name: string, priority: number): Row {
  preempt(priority, 100); // Warm.
  const { perSecond, micros } = medians(
    Array.from({ length: rounds }, () => preempt(priority, 500)),
  );
  return { name, figures: { "pods/s": perSecond, "CPU µs": micros } };
}

function decisionRow(name: string, isSpread: boolean): Row {
  decide(isSpread, 1_000); // Warm.
  const { perSecond, micros } = medians(
    Array.from({ length: rounds }, () => decide(isSpread, 5_000)),
  );
  return { name, figures: { "pods/s": perSecond, "CPU µs": micros } };
}

async function endToEnd(count: number): Promise<Row> {
  const runs: Record<string, number>[] = [];
  await inFolder(async (folder) => {
    await using server = await BenchServer.start(folder, 0, true);
    await server.tell({ do: "fillNodes", count: nodeCount });
    await server.run({ kind: "createUntilBound", inFlight: 64, count: 2_000 }); // Warm.
    for (let round = 0; round < rounds; round++) {
      const load = { kind: "createUntilBound", inFlight: 64, count } as const;
      const { result, cpuMicros } = await server.run(load);
      runs.push({ ...result, cpu: cpuMicros / count });
    }
  });
  const found = medians(runs);
  return {
    name: `${count} pods, created and bound`,
    figures: {
      "pods/s": found["boundPerSecond"] ?? 0,
      "creates/s": found["perSecond"] ?? 0,
      "CPU µs": found["cpu"] ?? 0,
    },
  };
}

export async function benchScheduler(): Promise<void> {
  const title = `${nodeCount} nodes, median of ${rounds} rounds`;
  printTable(`scheduler alone: ${title}`, [
    decisionRow("resources alone", false),
    decisionRow("spread over zones and hosts", true),
    preemptionRow("no room, and nobody less important", 0),
    preemptionRow("no room: one of 10 pods of a node goes", 10),
  ]);
  printTable(`scheduler with API server and client: ${title}`, [await endToEnd(5_000)]);
}
