import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, CoreV1Event, Node, Pod } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informers } from "#client/informers.ts";
import { configMaps, events, leases, nodes, pods } from "#client/kinds.ts";
import { runKubelet } from "#kubelet/kubelet.ts";
import { EventSender } from "#reconcile/events.ts";
import { eventually } from "#testing/eventually.ts";
import { simulatedNode } from "#testing/simulated-node.ts";
import { openTestApi, type TestApi } from "#testing/test-api.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { ClusterConnection } from "./connect.ts";
import { WatchedObjects } from "./watched-objects.ts";

const never = new AbortController().signal;
const clock = systemClock;
const random = seededRandom(1);
const log = silentLogger;

/** Waits for a state that others bring about. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  return await eventually(async () => {
    const found = await look();
    assert.ok(found !== undefined, what);
    return found;
  });
}

function podFor(nodeName: string, name: string): Pod {
  const { spec } = podOf({ nodeName, containers: [containerOf("app", { command: ["server"] })] });
  return { metadata: { namespace: "default", name }, spec };
}

async function withNodes(
  names: readonly string[],
  body: (api: TestApi) => Promise<void>,
): Promise<void> {
  await using api = await openTestApi(clock);
  const { client } = api;
  await using informers = new Informers({ client, clock, random, log });
  await using cluster = new ClusterConnection({
    client,
    informers,
    clock,
    random,
    log,
    nodeName: names.length === 1 ? names[0] : undefined,
  });
  await using tasks = new TaskGroup((error) => {
    throw error;
  });
  for (const [index, name] of names.entries()) {
    const recorder = new EventSender({ client, clock, log, component: "kubelet", host: name });
    tasks.start((signal) => recorder.run(signal));
    const node = simulatedNode({
      name,
      address: `192.0.2.${index + 1}`,
      podCidr: `10.${index}.0.0/24`,
      machine: { cpuCount: 2, memoryBytes: 1024 ** 3 },
      relistMs: 60_000,
      cluster,
      recorder,
      clock,
      random,
      log,
      onError: (error) => {
        throw error;
      },
    });
    tasks.start((signal) => runKubelet(node, signal));
  }
  await body(api);
}

test("ClusterConnection: a pod's life over a real API server", async () => {
  await withNodes(["n1"], async ({ client }) => {
    const node = await until("node", async () => {
      const found = (await client.list<Node>(nodes, {}, never)).items[0];
      return found?.status?.conditions?.some(
        (it) => it.type === "Ready" && it.status === "True",
      ) === true
        ? found
        : undefined;
    });
    assert.equal(node.metadata?.name, "n1");
    const created = await client.create<Pod>(pods, podFor("n1", "web"), {}, never);
    const at = { namespace: "default", name: "web" };
    const running = await until("running", async () => {
      const pod = await client.get<Pod>(pods, at, never);
      return pod.status?.phase === "Running" ? pod : undefined;
    });
    assert.equal(running.status?.podIP, "10.0.0.2");
    assert.equal(running.status.hostIP, "192.0.2.1");
    assert.deepEqual(running.status.conditions?.map((it) => `${it.type}=${it.status}`).sort(), [
      "ContainersReady=True",
      "Initialized=True",
      "PodReadyToStartContainers=True",
      "PodScheduled=True",
      "Ready=True",
    ]);
    const started = await until("event", async () => {
      const list = await client.list<CoreV1Event>(events, { namespace: "default" }, never);
      return list.items.find((it) => it.reason === "Started");
    });
    assert.equal(started.involvedObject.fieldPath, "spec.containers{app}");
    assert.equal(started.involvedObject.uid, created.metadata?.uid);
    await until("lease", async () => {
      const list = await client.list(leases, { namespace: "kube-node-lease" }, never);
      return list.items[0];
    });
    await client.delete(pods, at, { gracePeriodSeconds: 5 }, never);
    await until("gone", async () => {
      return (await client.list<Pod>(pods, {}, never)).items.length === 0 ? true : undefined;
    });
  });
});

test("ClusterConnection: nodes of one process share a watch and get their own pods", async () => {
  await withNodes(["n1", "n2", "n3"], async ({ client }) => {
    for (let index = 0; index < 9; index += 1) {
      await client.create<Pod>(pods, podFor(`n${(index % 3) + 1}`, `p${index}`), {}, never);
    }
    const list = await until("all running", async () => {
      const { items } = await client.list<Pod>(pods, {}, never);
      return items.every((it) => it.status?.phase === "Running") ? items : undefined;
    });
    for (const pod of list) {
      const index = Number(pod.spec?.nodeName?.slice(1)) - 1;
      assert.match(pod.status?.podIP ?? "", new RegExp(`^10\\.${index}\\.`));
    }
  });
});

test("WatchedObjects: current while somebody refers to it, and no longer", async () => {
  await using api = await openTestApi(clock);
  const { client } = api;
  await using objects = new WatchedObjects({ client, clock, random, log });
  const at = { namespace: "default", name: "cm" };
  const heard: string[] = [];
  objects.subscribe((owner) => heard.push(owner));
  assert.equal(await objects.configMap(at, "pod-1", never), undefined);
  await client.create<ConfigMap>(configMaps, { metadata: at, data: { a: "1" } }, {}, never);
  await until("creation", async () => (heard.length > 0 ? true : undefined));
  const found = await objects.configMap(at, "pod-2", never);
  assert.deepEqual(found?.data, { a: "1" });
  objects.release("pod-1");
  const patch = { type: "merge", body: { data: { a: "2" } } } as const;
  await client.patch(configMaps, at, patch, never);
  await until("change", async () => (heard.includes("pod-2") ? true : undefined));
  assert.deepEqual((await objects.configMap(at, "pod-2", never))?.data, { a: "2" });
  const before = heard.length;
  objects.release("pod-2");
  await client.delete(configMaps, at, {}, never);
  assert.equal(await objects.configMap(at, "pod-3", never), undefined);
  assert.equal(heard.length, before);
});

test("WatchedObjects: one that never changes is read once, and kept", async () => {
  await using api = await openTestApi(clock);
  const { client } = api;
  await using objects = new WatchedObjects({ client, clock, random, log });
  const at = { namespace: "default", name: "fixed" };
  const heard: string[] = [];
  objects.subscribe((owner) => heard.push(owner));
  const map = { metadata: at, data: { a: "1" }, immutable: true };
  await client.create<ConfigMap>(configMaps, map, {}, never);
  assert.deepEqual((await objects.configMap(at, "pod-1", never))?.data, { a: "1" });
  const before = heard.length;
  await client.delete(configMaps, at, {}, never);
  assert.deepEqual((await objects.configMap(at, "pod-2", never))?.data, { a: "1" });
  assert.equal(heard.length, before);
  objects.release("pod-1");
  objects.release("pod-2");
  assert.equal(await objects.configMap(at, "pod-3", never), undefined);
});
