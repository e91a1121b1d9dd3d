import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { Node, Pod } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Runtime, RuntimeStatus } from "#cri/runtime.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { admitPod } from "./admission.ts";
import { runLease } from "./lease.ts";
import { imaginaryMachine, readMachine } from "./machine.ts";
import { NodeAgent } from "./node-agent.ts";
import type { NodeIdentity } from "./node-object.ts";

const node = {
  name: "n1",
  labels: { zone: "a", size: "3" },
  allocatable: { cpu: "2", memory: "1Gi", pods: "2" },
};

function podWith(
  cpu: string,
  memory: string,
  hostPort?: number,
  over: { hostIP?: string; protocol?: string } = {},
): Pod {
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort, ...over }];
  return podOf({
    containers: [containerOf("app", { resources: { requests: { cpu, memory } }, ports })],
  });
}

function withAffinity(key: string, operator: string, values: string[]): Pod {
  const terms = [{ matchExpressions: [{ key, operator, values }] }];
  return podOf({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    },
  });
}

const small = podWith("500m", "128Mi", 8080);
const admissions: [name: string, pod: Pod, others: Pod[], want: string | undefined][] = [
  ["fits", small, [], undefined],
  ["exactly", podWith("1500m", "896Mi"), [small], undefined],
  ["cpu", podWith("1501m", "1"), [small], "OutOfcpu"],
  ["memory", podWith("1", "897Mi"), [small], "OutOfmemory"],
  ["pods", podWith("0", "0"), [small, podWith("0", "0")], "OutOfpods"],
  ["port taken", podWith("0", "0", 8080), [small], "NodePorts"],
  [
    "port of any address taken",
    podWith("0", "0", 8080, { hostIP: "127.0.0.1" }),
    [small],
    "NodePorts",
  ],
  [
    "port of another address",
    podWith("0", "0", 8080, { hostIP: "127.0.0.1" }),
    [podWith("0", "0", 8080, { hostIP: "127.0.0.2" })],
    undefined,
  ],
  ["port of another protocol", podWith("0", "0", 8080, { protocol: "UDP" }), [small], undefined],
  ["port free", podWith("0", "0", 8081), [small], undefined],
  ["selector", podOf({ nodeSelector: { zone: "b" } }), [], "NodeAffinity"],
  ["selector fits", podOf({ nodeSelector: { zone: "a" } }), [], undefined],
  ["affinity", withAffinity("zone", "In", ["b"]), [], "NodeAffinity"],
  ["affinity fits", withAffinity("size", "Gt", ["2"]), [], undefined],
  ["affinity absent", withAffinity("gone", "DoesNotExist", []), [], undefined],
];

for (const [name, pod, others, want] of admissions) {
  test(`admitPod: ${name} -> ${want ?? "admitted"}`, () => {
    assert.equal(admitPod(pod, node, others)?.reason, want);
  });
}

const identity: NodeIdentity = {
  name: "n1",
  addresses: ["10.0.0.1"],
  labels: { role: "test" },
  podsMax: 110,
  port: 10_250,
  version: "v1.36.0",
  runtimeVersion: "simulated://1",
};

function agentOn(
  cluster: FakeCluster,
  clock: FakeClock,
  status: () => RuntimeStatus,
  seenNode: () => Node | undefined = () => undefined,
): NodeAgent {
  const runtime = {
    status: async () => status(),
    listImages: async () => [],
  } as Partial<Runtime> as Runtime;
  const machine = imaginaryMachine("n1", { cpuCount: 4, memoryBytes: 8 * 1024 ** 3 });
  return new NodeAgent(
    {
      identity,
      api: cluster,
      events: cluster.recorder,
      seenNode,
      runtime,
      machine: async () => machine,
      isShuttingDown: () => false,
      pressures: () => undefined,
      clock,
      log: silentLogger,
    },
    machine,
  );
}

const healthy: RuntimeStatus = { runtimeReady: true, networkReady: true, message: "" };

function conditions(it: Node | undefined): string {
  return (it?.status?.conditions ?? []).map((c) => `${c.type}=${c.status}`).join(" ");
}

test("NodeAgent: looks at what its watch shows, unless it has written since or the node is gone", async () => {
  const cluster = new FakeCluster();
  let asked = 0;
  const getNode = cluster.getNode.bind(cluster);
  cluster.getNode = () => {
    asked++;
    return getNode();
  };
  let seen: Node | undefined;
  const agent = agentOn(
    cluster,
    new FakeClock(1_000_000),
    () => healthy,
    () => seen,
  );
  const signal = new AbortController().signal;
  await agent.look(signal);
  assert.equal(asked, 1, "nobody has shown it yet");
  assert.ok(cluster.node !== undefined);
  const at = (resourceVersion: string, status: Node["status"]): Node => ({
    ...cluster.node,
    metadata: { ...cluster.node?.metadata, resourceVersion },
    status,
  });
  seen = at("2", cluster.node.status);
  await agent.look(signal);
  assert.equal(agent.node, seen);
  const lost = [{ type: "Ready", status: "Unknown" }];
  seen = at("3", { conditions: lost });
  cluster.node = at("4", seen.status);
  await agent.look(signal);
  assert.match(conditions(cluster.node), /Ready=True/, "it says that it is not lost");
  const written = agent.node;
  await agent.look(signal);
  assert.equal(agent.node, written, "the watch is behind its own write");
  assert.equal(asked, 1);
  seen = cluster.node = undefined;
  await agent.look(signal);
  assert.equal(asked, 2);
  assert.match(conditions(cluster.node), /Ready=True/, "registered anew");
});

test("NodeAgent: registers, writes what changed, and tells of readiness", async () => {
  const cluster = new FakeCluster();
  const clock = new FakeClock(1_000_000);
  let status = healthy;
  const agent = agentOn(cluster, clock, () => status);
  const signal = new AbortController().signal;
  await agent.look(signal);
  assert.equal(cluster.node?.metadata?.labels?.["kubernetes.io/hostname"], "n1");
  assert.equal(cluster.node.metadata.labels["role"], "test");
  assert.equal(
    conditions(cluster.node),
    "MemoryPressure=False DiskPressure=False PIDPressure=False Ready=True",
  );
  assert.deepEqual(cluster.node.status?.capacity?.["memory"], "8Gi");
  assert.deepEqual(cluster.node.status.allocatable?.["memory"], "8092Mi");
  const before = cluster.node;
  await clock.advance(10_000);
  await agent.look(signal);
  assert.equal(cluster.node, before);
  const [ready_] = (before.status?.conditions ?? []).slice(-1);
  assert.ok(ready_ !== undefined);
  cluster.node = { ...before, status: { conditions: [{ ...ready_, status: "Unknown" }] } };
  await agent.look(signal);
  assert.match(
    conditions(cluster.node),
    /Ready=True/,
    "who was taken for lost says that it is not",
  );
  status = { runtimeReady: true, networkReady: false, message: "no CNI" };
  await agent.look(signal);
  assert.match(conditions(cluster.node), /Ready=False/);
  const ready = cluster.node.status?.conditions?.find((it) => it.type === "Ready");
  assert.equal(ready?.lastTransitionTime, "1970-01-01T00:16:50Z");
  assert.deepEqual(
    cluster.events.map((it) => it.split(":")[0]),
    [
      "Normal NodeHasSufficientMemory",
      "Normal NodeHasNoDiskPressure",
      "Normal NodeHasSufficientPID",
      "Normal NodeReady",
      "Normal NodeNotReady",
    ],
  );
});

test("runLease: renews every ten seconds, and soon again after a failure", async () => {
  const cluster = new FakeCluster();
  const clock = new FakeClock();
  const stop = new AbortController();
  const options = {
    api: cluster,
    node: () => ({ metadata: { uid: "node-uid" } }),
    nodeName: "n1",
    clock,
    random: { next: () => 0 },
    log: silentLogger,
  };
  const running = runLease(options, stop.signal);
  const seen: (string | undefined)[] = [];
  for (const [step, failure] of [
    [0, undefined],
    [10_000, undefined],
    [10_000, new Error("down")],
    [200, undefined],
  ] as const) {
    cluster.failure = failure;
    await clock.advance(step);
    await setImmediate();
    seen.push(cluster.lease?.spec?.renewTime?.slice(17, 23));
  }
  stop.abort();
  await running;
  assert.deepEqual(seen, ["00.000", "10.000", "10.000", "20.200"]);
  assert.equal(cluster.lease?.metadata?.ownerReferences?.[0]?.uid, "node-uid");
});

test("readMachine: this machine has processors, memory and a disk", async () => {
  const machine = await readMachine(tmpdir());
  assert.ok(machine.cpuCount > 0 && machine.memoryBytes > 0 && machine.diskBytes > 0);
  assert.notEqual(machine.bootId, "");
});
