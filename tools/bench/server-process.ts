import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { builtin } from "#api/kinds/list.ts";
import { encodeStored } from "#apiserver/cache/stored-form.ts";
import { fieldValues } from "#apiserver/registry/field-values.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { systemRandom } from "#base/random.ts";
import { Informers } from "#client/informers.ts";
import { clusterRoles, serviceAccounts, services } from "#client/kinds.ts";
import { EventSender } from "#reconcile/events.ts";
import { Scheduler } from "#scheduler/scheduler.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import type { Store } from "#store/store.ts";
import { openControlPlane } from "#main/control-plane/control-plane.ts";
import { machineAddress } from "#main/network/network-plan.ts";
import { podName, sampleNode, storedPod } from "./sample-pod.ts";
import { sampleService } from "./sample-service.ts";

/*
 * The server that `api.ts` and `scheduler.ts` measure, in a process of its own: the control plane
 * as `gantry up` composes it, on a durable store. Arguments: folder, pods to put in the store
 * first, "scheduler" or "". Writes `client.crt` and `client.key` of a user whose rights come from
 * RBAC. Speaks over the IPC channel: a command in, its result out.
 */

const [folder = "", preload = "0", withScheduler = ""] = process.argv.slice(2);
const stop = new AbortController();
const { signal } = stop;
const quotaBytes = 8 * 2 ** 30;
const podResource = builtin("", "pods");

const store: Store = await LmdbStore.open({
  directory: join(folder, "store"),
  clock: systemClock,
  quotaBytes,
});

async function putPod(i: number, modRevision: number, sent?: string): Promise<void> {
  const pod = storedPod(i, sent);
  const type = { kind: "Pod", apiVersion: "v1" };
  const value = encodeStored(pod, type, fieldValues(podResource, pod));
  const key = `/registry/core/pods/default/${podName(i)}`;
  const result = await store.write({ kind: "put", key, value, ifModRevision: modRevision }, signal);
  if (result.kind === "conflict") throw new Error(`${key} changed meanwhile`);
}

async function fill(count: number): Promise<void> {
  for (let at = 0; at < count; at += 500) {
    const size = Math.min(500, count - at);
    await Promise.all(Array.from({ length: size }, (_, k) => putPod(at + k, 0)));
  }
}

if (Number(preload) > 0 && (await store.currentRevision(signal)) < Number(preload)) {
  await fill(Number(preload));
}
/** Into the store: a node made over the API waits for the controllers to lift its taint. */
async function fillNodes(count: number): Promise<void> {
  const resource = builtin("", "nodes");
  const type = { kind: "Node", apiVersion: "v1" };
  for (let i = 0; i < count; i++) {
    const node = sampleNode(i);
    const value = encodeStored(node, type, fieldValues(resource, node));
    const key = `/registry/core/nodes/node-${i}`;
    await store.write({ kind: "put", key, value, ifModRevision: 0 }, signal);
  }
}

async function fillServices(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await admin.create(services, sampleService(i), {}, signal);
}

const openedAt = performance.now();
const world = { clock: systemClock, random: systemRandom, log: silentLogger };
const controlPlane = await openControlPlane(
  {
    store,
    pkiDirectory: join(folder, "pki"),
    host: "127.0.0.1",
    port: 0,
    advertiseAddress: machineAddress(),
    ...world,
  },
  signal,
);
const openMs = performance.now() - openedAt;

const admin = controlPlane.clientOf(
  { name: "admin", uid: "", groups: ["system:masters", "system:authenticated"], extra: {} },
  "bench",
);

async function ensure(create: Promise<unknown>): Promise<void> {
  // It is there from the last run.
  await create.catch((error: unknown) => {
    if (!String(error).includes("already exists")) throw error;
  });
}

async function setUp(): Promise<void> {
  const rules = [
    { apiGroups: [""], resources: ["pods", "nodes", "nodes/status"], verbs: ["*"] },
    { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ];
  await ensure(admin.create(clusterRoles, { metadata: { name: "bench" }, rules }, {}, signal));
  const binding = {
    metadata: { name: "bench" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "bench" },
    subjects: [{ kind: "User", name: "bench", apiGroup: "rbac.authorization.k8s.io" }],
  };
  const bindings = builtin("rbac.authorization.k8s.io", "clusterrolebindings");
  await ensure(admin.create(bindings, binding, {}, signal));
  // The controllers, which would make it, do not run here.
  const account = { metadata: { name: "default", namespace: "default" } };
  await ensure(admin.create(serviceAccounts, account, {}, signal));
  const { certificate, key } = await controlPlane.authority.client("bench", {
    commonName: "bench",
    organizations: ["benchers"],
  });
  writeFileSync(join(folder, "ca.crt"), controlPlane.authority.certificate);
  writeFileSync(join(folder, "client.crt"), certificate);
  writeFileSync(join(folder, "client.key"), key);
}

async function runScheduler(): Promise<void> {
  const user = {
    name: "system:kube-scheduler",
    uid: "",
    groups: ["system:authenticated"],
    extra: {},
  };
  const client = controlPlane.clientOf(user, "bench-scheduler");
  await using informers = new Informers({ client, ...world, freeze: false });
  const events = new EventSender({
    client,
    clock: systemClock,
    log: silentLogger,
    component: "default-scheduler",
  });
  const scheduler = new Scheduler({
    client,
    informers,
    events,
    ...world,
    metrics: new MetricRegistry(),
    name: "default-scheduler",
  });
  await Promise.all([events.run(signal), scheduler.run(signal)]);
}

/** Changes pods in the store at a steady rate, so that the events' own cost is what is measured. */
async function touch(perSecond: number, seconds: number): Promise<number> {
  const since = performance.now();
  let sent = 0;
  async function one(i: number): Promise<void> {
    const name = podName(i);
    const entry = await store.get(`/registry/core/pods/default/${name}`, signal);
    await putPod(i, entry?.modRevision ?? 0, String(Date.now()));
  }
  while (sent < perSecond * seconds) {
    const due = Math.min(((performance.now() - since) / 1_000) * perSecond, perSecond * seconds);
    const writes: Promise<void>[] = [];
    for (; sent < due; sent++) writes.push(one(sent % 5_000));
    await Promise.all(writes);
    await systemClock.sleep(2, signal);
  }
  return sent;
}

const turns = monitorEventLoopDelay({ resolution: 1 });
turns.enable();

interface Command {
  readonly do: string;
  readonly count?: number;
  readonly seconds?: number;
}

const fills: Readonly<Record<string, (count: number) => Promise<void>>> = {
  fill,
  fillNodes,
  fillServices,
};

async function obey(command: Command): Promise<Record<string, number>> {
  if (command.do === "usage") {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const turnMs = turns.max / 1e6;
    turns.reset();
    const [, mapped = "0"] =
      /RssFile:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    const usage = { cpuMicros: user + system, rss, heapUsed, arrayBuffers, turnMs };
    return { ...usage, mapped: Number(mapped) * 1_024 };
  }
  if (command.do === "collect") globalThis.gc?.();
  await fills[command.do]?.(command.count ?? 0);
  if (command.do === "revision") return { revision: await store.currentRevision(signal) };
  if (command.do === "touch") {
    return { sent: await touch(command.count ?? 0, command.seconds ?? 0) };
  }
  return {};
}

await setUp();
const scheduling =
  withScheduler === "scheduler" ? runScheduler().catch(() => undefined) : undefined;
process.on("message", (command: Command) => {
  if (command.do === "stop") {
    process.disconnect();
    stop.abort(new Error("asked to stop"));
    return;
  }
  obey(command).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ port: controlPlane.port, openMs });
await new Promise<void>((resolve) => {
  signal.addEventListener("abort", () => {
    resolve();
  });
});
await scheduling;
await controlPlane[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
