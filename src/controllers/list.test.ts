import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, beforeEach, test } from "node:test";
import type { Deployment, Pod, ReplicaSet } from "#api/gen/types.ts";
import { FakeClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import {
  configMaps,
  deployments,
  endpoints,
  endpointSlices,
  namespaces,
  nodes,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  services,
} from "#client/kinds.ts";
import { controllerOf, isDeleting, nameOf, uidOf } from "#client/object-key.ts";
import type { Transport } from "#client/transport.ts";
import { TransportError } from "#client/transport.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi, type TestApi } from "#testing/test-api.ts";
import { runTestKubelet } from "#testing/test-kubelet.ts";
import { isActive } from "./pods/readiness.ts";
import { runControllers } from "./list.ts";

const never = new AbortController().signal;
let testApi: TestApi;
let client: Client;
let namespace = "";
let serial = 0;

before(async () => {
  testApi = await openTestApi(systemClock);
  client = testApi.client;
  await testApi.ensureRoles(never);
});
after(async () => {
  await testApi[Symbol.asyncDispose]();
  // Each controller has the rights that it needs, as upstream gives them, and no others.
  assert.deepEqual([...refusals], []);
});
beforeEach(async () => {
  namespace = `test-${serial++}`;
  const spec = { finalizers: ["kubernetes"] };
  await client.create(namespaces, { metadata: { name: namespace }, spec }, {}, never);
});

/** What controllers asked for and had no right to. */
const refusals = new Set<string>();

function noted(inner: Transport): Transport {
  return {
    async send(request, signal) {
      const response = await inner.send(request, signal);
      if (response.status !== 403) return response;
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      // Admission says 403, too: to a pod in a namespace that is on its way out.
      const isAuthorization = / cannot \w+ resource /.test(Buffer.concat(chunks).toString());
      if (isAuthorization) refusals.add(`${request.method} ${request.path}`);
      return { ...response, body: Readable.from(chunks) };
    },
  };
}

/** All controllers and a kubelet, until disposed. */
async function start(
  options: { wrap?: (inner: Transport) => Transport; isHealthy?: (pod: Pod) => boolean } = {},
): Promise<AsyncDisposable> {
  const clock = systemClock;
  const { wrap = (inner: Transport) => inner } = options;
  const as = (controller: Parameters<TestApi["transportOf"]>[0]): Client =>
    new Client(wrap(noted(testApi.transportOf(controller))));
  const manager = as("manager");
  const ports = { client: manager, clock, random: seededRandom(1), log: silentLogger };
  const informers = new Informers(ports);
  const tasks = new TaskGroup((error) => assert.fail(String(error)));
  const clientOf = (account: string): Client => as({ account });
  tasks.start((signal) => runControllers({ ...ports, clientOf, informers, rootCa: "PEM" }, signal));
  tasks.start((signal) => runTestKubelet({ client, informers, clock }, signal, options.isHealthy));
  return {
    async [Symbol.asyncDispose]() {
      await tasks[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}

function deployment(name: string, replicas: number, image = "one"): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace, name },
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image }] } },
    },
  };
}

async function podsOf(app: string): Promise<readonly Pod[]> {
  return (await client.list(pods, { namespace, labelSelector: `app=${app}` }, never)).items;
}

async function setsOf(app: string): Promise<readonly ReplicaSet[]> {
  const list = await client.list(replicaSets, { namespace, labelSelector: `app=${app}` }, never);
  return list.items;
}

/** Waits for what `kubectl rollout status` waits for. */
async function rolledOut(name: string, replicas: number): Promise<Deployment> {
  return await eventually(async () => {
    const found = await client.get(deployments, { namespace, name }, never);
    const { status = {} } = found;
    assert.equal(status.observedGeneration, found.metadata?.generation);
    assert.equal(status.replicas ?? 0, replicas, JSON.stringify(status));
    assert.equal(status.updatedReplicas ?? 0, replicas);
    assert.equal(status.availableReplicas ?? 0, replicas);
    return found;
  });
}

async function change(name: string, spec: object): Promise<void> {
  const patch = { type: "strategic", body: { spec } } as const;
  await client.patch(deployments, { namespace, name }, patch, never);
}

function image(name: string): object {
  return { template: { spec: { containers: [{ name: "c", image: name }] } } };
}

test("controllers: a Deployment rolls out, is updated, scaled and rolled back", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await client.create(deployments, deployment("web", 5), {}, never);
  const first = await rolledOut("web", 5);
  const reasons = first.status?.conditions?.map((it) => it.reason);
  assert.deepEqual(reasons?.sort(), ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]);
  assert.equal(first.metadata?.annotations?.["deployment.kubernetes.io/revision"], "1");

  await change("web", image("two"));
  const second = await rolledOut("web", 5);
  assert.equal(second.metadata?.annotations?.["deployment.kubernetes.io/revision"], "2");
  const images = (await podsOf("web")).filter(isActive).map((it) => it.spec?.containers[0]?.image);
  assert.deepEqual(images, Array(5).fill("two"));

  await change("web", { replicas: 2 });
  await rolledOut("web", 2);
  await change("web", image("one"));
  const undone = await rolledOut("web", 2);
  assert.equal(undone.metadata?.annotations?.["deployment.kubernetes.io/revision"], "3");
  assert.equal((await setsOf("web")).length, 2);
});

test("controllers: pods that never become ready stop a rollout within its bounds", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(
    await start({
      isHealthy: (pod) => pod.spec?.containers[0]?.image !== "bad",
    }),
  );
  await client.create(deployments, deployment("web", 4), {}, never);
  await rolledOut("web", 4);
  await change("web", image("bad"));
  await eventually(async () => {
    const sets = await setsOf("web");
    // 25 %: one more at most, one less at least.
    const sizes = sets.map((it) => [it.spec?.replicas, it.status?.readyReplicas ?? 0]);
    assert.deepEqual(sizes.sort(), [
      [2, 0],
      [3, 3],
    ]);
  });
  await change("web", image("one"));
  await rolledOut("web", 4);
});

test("controllers: a deleted pod is replaced, and an extra one is adopted and removed", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await client.create(deployments, deployment("web", 2), {}, never);
  await rolledOut("web", 2);
  const [victim] = await podsOf("web");
  assert.ok(victim !== undefined);
  await client.delete(pods, { namespace, name: nameOf(victim) }, {}, never);
  await eventually(async () => {
    const found = (await podsOf("web")).filter(isActive);
    assert.equal(found.length, 2);
    assert.ok(found.every((it) => uidOf(it) !== uidOf(victim)));
  });

  const [set] = await setsOf("web");
  const template = set?.spec?.template;
  const stray = { metadata: { namespace, name: "stray", labels: template?.metadata?.labels } };
  await client.create(pods, { ...stray, spec: template?.spec }, {}, never);
  await eventually(async () => {
    const found = (await podsOf("web")).filter(isActive);
    assert.equal(found.length, 2);
    assert.ok(found.every((it) => controllerOf(it)?.uid === set?.metadata?.uid));
  });
});

test("controllers: a pod whose label changes is released and replaced", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await client.create(deployments, deployment("web", 1), {}, never);
  await rolledOut("web", 1);
  const [pod] = await podsOf("web");
  assert.ok(pod !== undefined);
  const at = { namespace, name: nameOf(pod) };
  const body = { metadata: { labels: { app: "debug" } } };
  await client.patch(pods, at, { type: "merge", body }, never);
  await eventually(async () => {
    const released = await client.get(pods, at, never);
    assert.equal(controllerOf(released), undefined);
    assert.equal((await podsOf("web")).filter(isActive).length, 1);
  });
});

test("controllers: killed and started at any moment, they never make a pod too many", async () => {
  const made = new Set<string>();
  const watching = new AbortController();
  const seen = (async () => {
    const { metadata } = await client.list(pods, { namespace }, never);
    const options = { namespace, resourceVersion: metadata?.resourceVersion };
    for await (const events of client.watch(pods, options, watching.signal)) {
      for (const { type, object } of events) if (type === "ADDED") made.add(uidOf(object));
    }
  })().catch(() => undefined);
  await client.create(deployments, deployment("web", 40), {}, never);
  // Each of these dies after some writes, with the next answer lost on its way.
  for (const writes of [1, 3, 7, 12, 20]) {
    const life = new Life(writes);
    await using scope = new AsyncDisposableStack();
    scope.use(await start({ wrap: (inner) => life.of(inner) }));
    await life.over;
  }
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await rolledOut("web", 40);
  assert.equal((await podsOf("web")).length, 40);
  assert.equal(made.size, 40);
  watching.abort();
  await seen;
});

/** Carries out so many writes, and the last of them without an answer; then everything fails. */
class Life {
  readonly over: Promise<void>;
  #left: number;
  #die: () => void = () => undefined;

  constructor(writes: number) {
    this.#left = writes;
    this.over = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  of(inner: Transport): Transport {
    return {
      send: async (request, signal) => {
        if (this.#left <= 0) throw new TransportError("dead");
        const response = await inner.send(request, signal);
        if (request.method !== "GET" && --this.#left <= 0) {
          this.#die();
          throw new TransportError("dead");
        }
        return response;
      },
    };
  }
}

test("controllers: an answer that is lost does not make a pod twice", async () => {
  let lost = 0;
  const wrap = (inner: Transport): Transport => ({
    async send(request, signal) {
      const response = await inner.send(request, signal);
      const isPod = request.method === "POST" && request.path.endsWith("/pods");
      if (isPod && lost++ % 3 === 0) throw new TransportError("lost");
      return response;
    },
  });
  await using scope = new AsyncDisposableStack();
  scope.use(await start({ wrap }));
  await client.create(deployments, deployment("web", 6), {}, never);
  await rolledOut("web", 6);
  assert.equal((await podsOf("web")).length, 6);
});

test("controllers: a ReplicationController keeps its pods", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  const { template } = deployment("rc", 0).spec ?? {};
  const spec = { replicas: 3, selector: { app: "rc" }, template };
  const metadata = { namespace, name: "rc" };
  await client.create(replicationControllers, { metadata, spec }, {}, never);
  await eventually(async () => {
    const found = await client.get(replicationControllers, { namespace, name: "rc" }, never);
    assert.equal(found.status?.readyReplicas, 3);
  });
  const [pod] = await podsOf("rc");
  assert.equal(pod === undefined ? "" : controllerOf(pod)?.kind, "ReplicationController");
});

test("controllers: Endpoints written by hand are mirrored as slices", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  const at = { namespace, name: "outside" };
  await client.create(services, { metadata: at, spec: { ports: [{ port: 80 }] } }, {}, never);
  const subsets = [{ addresses: [{ ip: "192.0.2.7" }], ports: [{ port: 8080 }] }];
  await client.create(endpoints, { metadata: at, subsets }, {}, never);
  const mirrored = async (): Promise<string[]> => {
    const { items } = await client.list(endpointSlices, { namespace }, never);
    return items.flatMap((slice) => (slice.endpoints ?? []).flatMap((it) => it.addresses));
  };
  await eventually(async () => {
    assert.deepEqual(await mirrored(), ["192.0.2.7"]);
  });
  await client.delete(endpoints, at, {}, never);
  await eventually(async () => {
    assert.deepEqual(await mirrored(), []);
  });
});

test("controllers: endpoints follow the pods of a service", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await client.create(deployments, deployment("web", 3), {}, never);
  const spec = { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] };
  await client.create(services, { metadata: { namespace, name: "web" }, spec }, {}, never);
  const at = { namespace, name: "web" };
  async function addresses(count: number): Promise<void> {
    await eventually(async () => {
      const labelSelector = "kubernetes.io/service-name=web";
      const slices = await client.list(endpointSlices, { namespace, labelSelector }, never);
      const [slice] = slices.items;
      assert.equal(slices.items.length, 1);
      assert.equal(
        slice?.endpoints?.filter((it) => it.conditions?.ready === true).length ?? 0,
        count,
      );
      const { subsets = [] } = await client.get(endpoints, at, never);
      assert.equal(subsets.flatMap((it) => it.addresses ?? []).length, count);
      if (count > 0) assert.equal(slice?.ports?.[0]?.port, 8080);
    });
  }
  await addresses(3);
  await change("web", { replicas: 1 });
  await addresses(1);
  await change("web", { replicas: 0 });
  await addresses(0);
  await client.delete(services, at, {}, never);
  await eventually(async () => {
    assert.equal((await client.list(endpointSlices, { namespace }, never)).items.length, 0);
    assert.equal((await client.list(endpoints, { namespace }, never)).items.length, 0);
  });
});

const propagations: [policy: string, left: number][] = [
  ["Background", 0],
  ["Foreground", 0],
  ["Orphan", 1],
];

for (const [propagationPolicy, left] of propagations) {
  test(`controllers: a Deployment deleted with ${propagationPolicy} leaves ${left} ReplicaSets`, async () => {
    await using scope = new AsyncDisposableStack();
    scope.use(await start());
    await client.create(deployments, deployment("web", 2), {}, never);
    await rolledOut("web", 2);
    await client.delete(deployments, { namespace, name: "web" }, { propagationPolicy }, never);
    await eventually(async () => {
      assert.equal((await client.list(deployments, { namespace }, never)).items.length, 0);
      const sets = await setsOf("web");
      assert.equal(sets.length, left);
      assert.equal((await podsOf("web")).length, left * 2);
      assert.ok(sets.every((it) => controllerOf(it) === undefined));
    });
  });
}

test("controllers: an owner in another namespace does not count, a living one in this does", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  const map = (name: string, owner: object): object => ({
    metadata: {
      namespace,
      name,
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", ...owner }],
    },
  });
  const home = await client.create(
    configMaps,
    { metadata: { namespace, name: "home" } },
    {},
    never,
  );
  const away = await client.create(
    configMaps,
    { metadata: { namespace: "default", name: `away-${namespace}` } },
    {},
    never,
  );
  await client.create(configMaps, map("kept", { name: "home", uid: uidOf(home) }), {}, never);
  await client.create(
    configMaps,
    map("stray", { name: nameOf(away), uid: uidOf(away) }),
    {},
    never,
  );
  await eventually(async () => {
    const { items } = await client.list(configMaps, { namespace }, never);
    const names = items.map(nameOf).filter((it) => it !== "kube-root-ca.crt");
    assert.deepEqual(names, ["home", "kept"]);
  });
});

test("controllers: a namespace has its account and authority, and goes with all it holds", async () => {
  await using scope = new AsyncDisposableStack();
  scope.use(await start());
  await eventually(async () => {
    await client.get(serviceAccounts, { namespace, name: "default" }, never);
    const map = await client.get(configMaps, { namespace, name: "kube-root-ca.crt" }, never);
    assert.equal(map.data?.["ca.crt"], "PEM");
  });
  await client.create(deployments, deployment("web", 2), {}, never);
  const held = { namespace, name: "held", finalizers: ["example.com/hold"] };
  await client.create(configMaps, { metadata: held }, {}, never);
  await rolledOut("web", 2);
  await client.delete(namespaces, { name: namespace }, {}, never);
  await eventually(async () => {
    const { status } = await client.get(namespaces, { name: namespace }, never);
    const told = status?.conditions?.find((it) => it.type === "NamespaceFinalizersRemaining");
    assert.equal(told?.status, "True");
  });
  const body = { metadata: { finalizers: null } };
  await client.patch(configMaps, { namespace, name: "held" }, { type: "merge", body }, never);
  await eventually(async () => {
    await assert.rejects(client.get(namespaces, { name: namespace }, never), { code: 404 });
  });
});

test("controllers: a silent node becomes unknown, and its pods are evicted and replaced", async () => {
  await using api = await openTestApi(systemClock);
  const clock = new FakeClock(systemClock.now());
  const ports = { client: api.client, clock, random: seededRandom(1), log: silentLogger };
  await using informers = new Informers(ports);
  await using tasks = new TaskGroup((error) => assert.fail(String(error)));
  const heartbeat = (): string => new Date(clock.now()).toISOString();
  const report = async (name: string): Promise<void> => {
    const ready = { type: "Ready", status: "True", lastHeartbeatTime: heartbeat() };
    const patch = { type: "strategic", body: { status: { conditions: [ready] } } } as const;
    await api.client.patch(nodes, { name, subresource: "status" }, patch, never);
  };
  for (const name of ["alive", "silent"]) {
    await api.client.create(nodes, { metadata: { name } }, {}, never);
    await report(name);
  }
  const pod = {
    metadata: { namespace: "default", name: "web" },
    spec: { nodeName: "silent", containers: [{ name: "c", image: "i" }] },
  };
  await api.client.create(pods, pod, {}, never);
  const clientOf = (): Client => api.client;
  tasks.start((signal) => runControllers({ ...ports, clientOf, informers, rootCa: "" }, signal));
  await eventually(async () => {
    await clock.advance(5_000);
    await report("alive");
    const silent = await api.client.get(nodes, { name: "silent" }, never);
    const taints = (silent.spec?.taints ?? []).map((it) => `${it.key}:${it.effect}`);
    assert.deepEqual(taints.sort(), [
      "node.kubernetes.io/unreachable:NoExecute",
      "node.kubernetes.io/unreachable:NoSchedule",
    ]);
    const alive = await api.client.get(nodes, { name: "alive" }, never);
    assert.deepEqual(alive.spec?.taints ?? [], []);
    const found = await api.client.get(pods, { namespace: "default", name: "web" }, never);
    assert.ok(isDeleting(found));
    const target = found.status?.conditions?.find((it) => it.type === "DisruptionTarget");
    assert.equal(target?.reason, "DeletionByTaintManager");
  });
});
