import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Pod, PodSpec } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informers } from "#client/informers.ts";
import { events, nodes, podDisruptionBudgets, pods } from "#client/kinds.ts";
import { EventSender } from "#reconcile/events.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi, type TestApi } from "#testing/test-api.ts";
import { Scheduler } from "./scheduler.ts";

// Nobody ends the containers here: a pod that is deleted is terminating until `remove`.

const never = new AbortController().signal;
let testApi: TestApi;
const namespace = "default";

beforeEach(async () => {
  testApi = await openTestApi(systemClock);
});
afterEach(async () => {
  await testApi[Symbol.asyncDispose]();
});

/** A scheduler, until disposed. */
function start(metrics = new MetricRegistry()): AsyncDisposable {
  const { client } = testApi;
  const [clock, log] = [systemClock, silentLogger];
  const ports = { client, clock, random: seededRandom(1), log };
  const informers = new Informers(ports);
  const tasks = new TaskGroup((error) => assert.fail(String(error)));
  const sender = new EventSender({ client, clock, log, component: "default-scheduler" });
  const scheduler = new Scheduler({
    ...ports,
    informers,
    events: sender,
    metrics,
    name: "default-scheduler",
  });
  tasks.start((signal) => sender.run(signal));
  tasks.start(async (signal) => {
    await scheduler.run(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  });
  return {
    async [Symbol.asyncDispose]() {
      await tasks[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}

async function addNode(name: string, cpu: string): Promise<void> {
  const { client } = testApi;
  const labels = { "kubernetes.io/hostname": name };
  await client.create(nodes, { metadata: { name, labels } }, {}, never);
  const allocatable = { cpu, memory: "8Gi", pods: "110" };
  const patch = {
    type: "merge",
    body: { status: { capacity: allocatable, allocatable } },
  } as const;
  await client.patch(nodes, { name, subresource: "status" }, patch, never);
}

async function addPod(
  name: string,
  priority: number,
  cpu: string,
  spec: Partial<PodSpec> = {},
): Promise<Pod> {
  const container = { name: "c", image: "busybox", resources: { requests: { cpu } } };
  return await testApi.client.create(
    pods,
    {
      metadata: { namespace, name, labels: { app: name } },
      spec: { priority, containers: [container], ...spec },
    },
    {},
    never,
  );
}

async function get(name: string): Promise<Pod> {
  return await testApi.client.get(pods, { namespace, name }, never);
}

/** As the kubelet does when the containers have ended. */
async function remove(name: string): Promise<void> {
  await testApi.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 }, never);
}

async function isOn(name: string, node: string): Promise<void> {
  await eventually(async () => {
    assert.equal((await get(name)).spec?.nodeName, node);
  });
}

async function waits(name: string, message: RegExp, nominated?: string): Promise<void> {
  await eventually(async () => {
    const { spec, status } = await get(name);
    assert.equal(spec?.nodeName, undefined);
    const condition = status?.conditions?.find((it) => it.type === "PodScheduled");
    assert.match(condition?.message ?? "", message);
    assert.equal(status?.nominatedNodeName, nominated);
  });
}

function isEnding(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

test("preemption: the victim is told why and ends, then the pod has its room", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("low", 1, "2");
  await addPod("mid", 5, "2");
  await isOn("low", "a");
  await isOn("mid", "a");
  const high = await addPod("high", 10, "2");
  await waits("high", /^0\/1 nodes are available: 1 Insufficient cpu\.$/, "a");
  await eventually(async () => {
    const low = await get("low");
    assert.ok(isEnding(low));
    const condition = low.status?.conditions?.find((it) => it.type === "DisruptionTarget");
    assert.equal(condition?.status, "True");
    assert.equal(condition.reason, "PreemptionByScheduler");
    assert.match(condition.message ?? "", /^default-scheduler: preempting to accommodate/);
    assert.equal(low.metadata?.deletionGracePeriodSeconds, 30);
    const { items } = await testApi.client.list(events, { namespace }, never);
    const told = items.find((it) => it.reason === "Preempted");
    assert.equal(told?.involvedObject.name, "low");
    const message = `Preempted by pod ${high.metadata?.uid ?? ""} on node a`;
    assert.equal(told.message, message);
  });
  assert.ok(!isEnding(await get("mid")));
  // One that is less important does not get the room that is promised.
  await addPod("late", 3, "1");
  await waits(
    "late",
    /Insufficient cpu\. preemption: 0\/1 nodes are available: 1 Insufficient cpu\.$/,
  );
  await remove("low");
  await isOn("high", "a");
  assert.equal((await get("high")).status?.nominatedNodeName, undefined);
  assert.ok(!isEnding(await get("mid")));
});

test("preemption: a pod that must not preempt waits", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("low", 1, "4");
  await isOn("low", "a");
  await addPod("polite", 10, "1", { preemptionPolicy: "Never" });
  await waits("polite", /preemption: not eligible due to preemptionPolicy=Never\.$/);
  assert.ok(!isEnding(await get("low")));
  await remove("low");
  await isOn("polite", "a");
});

test("preemption: the promise outlives the scheduler", async () => {
  await addNode("a", "4");
  {
    await using first = new AsyncDisposableStack();
    first.use(start());
    await addPod("low", 1, "4");
    await isOn("low", "a");
    await addPod("high", 10, "4");
    await waits("high", /Insufficient cpu/, "a");
    await eventually(async () => {
      assert.ok(isEnding(await get("low")));
    });
  }
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addPod("small", 1, "1");
  await waits("small", /Insufficient cpu/);
  await remove("low");
  await isOn("high", "a");
});

test("preemption: who is more important takes the promised room", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("low", 1, "4");
  await isOn("low", "a");
  await addPod("mid", 5, "4");
  await waits("mid", /Insufficient cpu/, "a");
  await addPod("high", 10, "4");
  await waits("high", /Insufficient cpu/, "a");
  await waits("mid", /Insufficient cpu/);
  await remove("low");
  await isOn("high", "a");
});

test("preemption: a budget is spared while another victim will do", async () => {
  const spec = { minAvailable: 1, selector: { matchLabels: { app: "precious" } } };
  const budget = { metadata: { namespace, name: "b" }, spec };
  await testApi.client.create(podDisruptionBudgets, budget, {}, never);
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("precious", 1, "2");
  await addPod("plain", 5, "2");
  await isOn("precious", "a");
  await isOn("plain", "a");
  await addPod("high", 10, "2");
  await eventually(async () => {
    assert.ok(isEnding(await get("plain")));
  });
  assert.ok(!isEnding(await get("precious")));
});

test("a pod's new labels count for those that keep away from them", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("there", 1, "1");
  await isOn("there", "a");
  const patch = { type: "merge", body: { metadata: { labels: { app: "shy" } } } } as const;
  await testApi.client.patch(pods, { namespace, name: "there" }, patch, never);
  const labelSelector = { matchLabels: { app: "shy" } };
  const term = { labelSelector, topologyKey: "kubernetes.io/hostname" };
  const required = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  await addPod("apart", 1, "1", { affinity: { podAntiAffinity: required } });
  await waits("apart", /1 node\(s\) didn't match pod anti-affinity rules/);
  await remove("there");
  await isOn("apart", "a");
});

test("metrics: attempts, queues and preemption", async () => {
  const metrics = new MetricRegistry();
  await using scope = new AsyncDisposableStack();
  scope.use(start(metrics));
  await addNode("a", "4");
  await addPod("low", 1, "4");
  await isOn("low", "a");
  await addPod("high", 10, "4");
  await waits("high", /Insufficient cpu/, "a");
  await addPod("gated", 1, "1", { schedulingGates: [{ name: "example.com/wait" }] });
  await shows(metrics, [
    'scheduler_pending_pods{queue="unschedulable"} 1',
    'scheduler_pending_pods{queue="gated"} 1',
    'scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"} 1',
    "scheduler_preemption_attempts_total 1",
    "scheduler_preemption_victims_sum 1",
    'scheduler_schedule_attempts_total{result="unschedulable",profile="default-scheduler"} 1',
    'scheduler_queue_incoming_pods_total{queue="unschedulable",event="ScheduleAttemptFailure"} 1',
  ]);
  await remove("low");
  await isOn("high", "a");
  await shows(metrics, [
    'scheduler_pending_pods{queue="unschedulable"} 0',
    'scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 2',
    'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="2"} 1',
    "scheduler_pod_scheduling_attempts_count 2",
    'scheduler_queue_incoming_pods_total{queue="active",event="AssignedPodDelete"} 1',
  ]);
});

async function shows(metrics: MetricRegistry, lines: readonly string[]): Promise<void> {
  await eventually(async () => {
    const text = await metrics.render();
    for (const line of lines) assert.ok(text.includes(`${line}\n`), `${line} in ${text}`);
  });
}

test("a pod with gates waits until the last is taken away", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(start());
  await addNode("a", "4");
  await addPod("gated", 1, "1", { schedulingGates: [{ name: "example.com/wait" }] });
  await addPod("open", 1, "1");
  await isOn("open", "a");
  assert.equal((await get("gated")).spec?.nodeName, undefined);
  const patch = { type: "merge", body: { spec: { schedulingGates: [] } } } as const;
  await testApi.client.patch(pods, { namespace, name: "gated" }, patch, never);
  await isOn("gated", "a");
});
