import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import type { Pod, PodStatus } from "#api/gen/types.ts";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { Kubelet, type KubeletOptions } from "./kubelet.ts";
import { imaginaryMachine } from "./node/machine.ts";

/** Turns of the event loop in which a step that waits for nothing must have ended. */
const turnsMax = 300;
/** How long a step may take that waits for the file system of a busy machine. */
const patienceMs = 30_000;

class Harness implements AsyncDisposable {
  readonly clock = new FakeClock(1_000_000);
  readonly cluster = new FakeCluster();
  readonly runtime = new SimulatedRuntime({
    clock: this.clock,
    podCidr: "10.1.0.0/24",
    idPrefix: "c",
    delays: { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 },
    onError: (error) => {
      throw error;
    },
  });
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  async start(more: Partial<KubeletOptions> = {}): Promise<Kubelet> {
    this.#stop = new AbortController();
    const machine = imaginaryMachine("node-1", { cpuCount: 4, memoryBytes: 8 * 1024 ** 3 });
    const options: KubeletOptions = {
      identity: {
        name: "node-1",
        addresses: ["127.0.0.1"],
        labels: {},
        podsMax: 110,
        port: 0,
        version: "v1.36.0",
      },
      runtime: this.runtime,
      ports: this.cluster.ports(),
      dns: { servers: [], domain: "cluster.local" },
      disk: undefined,
      housekeeping: undefined,
      staticPodPath: undefined,
      probes: true,
      machine: async () => machine,
      startsMax: 4,
      relistMs: 10_000,
      clock: this.clock,
      random: seededRandom(1),
      log: silentLogger,
      ...more,
    };
    const kubelet = await Kubelet.open(options, this.#stop.signal);
    this.#running = kubelet.run(this.#stop.signal);
    return kubelet;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("test over"));
    await this.#running;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn += 1) {
      if (condition()) return;
      await setImmediate();
    }
    const shown = JSON.stringify(
      this.cluster.list().map((it) => it.status),
      undefined,
      1,
    );
    assert.fail(`never came: ${what}\n${shown}\n${this.cluster.events.join("\n")}`);
  }

  async phase(phase: string, uid = "u1"): Promise<void> {
    await this.until(phase, () => this.cluster.statusOf(uid).phase === phase);
  }

  /** Waits until the runtime has just the sandboxes of these pods. */
  async sandboxes(...names: readonly string[]): Promise<void> {
    let found: readonly string[] = [];
    const patience = AbortSignal.timeout(patienceMs);
    while (!patience.aborted) {
      const all = await this.runtime.listSandboxes(this.#stop.signal);
      found = all.map((it) => it.metadata.name).toSorted();
      if (found.join() === names.join()) return;
      await setImmediate();
    }
    assert.deepEqual(found, names);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.runtime[Symbol.asyncDispose]();
  }
}

function runs(...command: string[]): ReturnType<typeof containerOf> {
  return containerOf("app", { command });
}

function ready(status: PodStatus): boolean {
  return status.conditions?.find((it) => it.type === "Ready")?.status === "True";
}

function deleting(pod: Pod, graceSeconds: number): Pod {
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      deletionTimestamp: "1970-01-01T00:20:00Z",
      deletionGracePeriodSeconds: graceSeconds,
    },
  };
}

test("Kubelet: a pod comes up, is deleted, and leaves nothing", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  const status = harness.cluster.statusOf("u1");
  assert.ok(ready(status));
  assert.equal(status.podIP, "10.1.0.2");
  assert.equal(status.hostIP, "127.0.0.1");
  assert.match(status.containerStatuses?.[0]?.containerID ?? "", /^simulated:\/\/c-/);
  assert.deepEqual(
    harness.cluster.events.filter((it) => !it.includes("Node node-1 ") && !it.includes("Starting")),
    [
      'Normal Pulled: Container image "busybox:1" already present on machine and can be accessed by the pod',
      "Normal Created: Container created",
      "Normal Started: Container started",
    ],
  );
  harness.cluster.put(deleting(harness.cluster.get("u1") ?? {}, 30));
  await harness.until("deleted", () => harness.cluster.deleted.includes("u1"));
  assert.ok(harness.cluster.events.includes("Normal Killing: Stopping container app"));
  assert.match(JSON.stringify(harness.cluster.patches), /"exitCode":143/);
  const signal = new AbortController().signal;
  for (let turn = 0; turn < turnsMax; turn += 1) {
    if ((await harness.runtime.listSandboxes(signal)).length === 0) break;
    await setImmediate();
  }
  assert.deepEqual(await harness.runtime.listSandboxes(signal), []);
  assert.deepEqual(await harness.runtime.listContainers(signal), []);
});

test("Kubelet: nothing of a pod runs before its network is ready", async () => {
  await using harness = new Harness();
  const ready = Promise.withResolvers<undefined>();
  const asked: string[] = [];
  const network = {
    async admit({ name }: { name: string }, address: string, life: AbortSignal): Promise<void> {
      asked.push(`${name} ${address}`);
      life.addEventListener("abort", () => {
        ready.resolve(undefined);
      });
      await ready.promise;
    },
  };
  await harness.start({ ports: { ...harness.cluster.ports(), network } });
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.until("asked", () => asked.length > 0);
  await harness.advance(1_000);
  const signal = new AbortController().signal;
  assert.deepEqual(await harness.runtime.listContainers(signal), []);
  assert.equal(asked.length, 1);
  assert.match(asked[0] ?? "", / 10\.1\.0\.2$/);
  ready.resolve(undefined);
  await harness.phase("Running");
});

const endings: [policy: string, command: string[], phase: string][] = [
  ["Never", ["true"], "Succeeded"],
  ["Never", ["false"], "Failed"],
  ["OnFailure", ["true"], "Succeeded"],
];

for (const [restartPolicy, command, phase] of endings) {
  test(`Kubelet: ${restartPolicy} with ${command.join(" ")} -> ${phase}`, async () => {
    await using harness = new Harness();
    await harness.start();
    harness.cluster.put(podOf({ restartPolicy, containers: [runs(...command)] }));
    await harness.phase(phase);
    assert.equal(ready(harness.cluster.statusOf("u1")), false);
  });
}

test("Kubelet: a crash loop waits 10 s, 20 s, and says so", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("sh", "-c", "sleep 1; exit 3")] }));
  const container = (): NonNullable<PodStatus["containerStatuses"]>[number] | undefined =>
    harness.cluster.statusOf("u1").containerStatuses?.[0];
  const waiting = (): boolean => container()?.state?.waiting?.reason === "CrashLoopBackOff";
  await harness.until("started", () => container()?.state?.running !== undefined);
  await harness.advance(1_000);
  await harness.until("restarted at once", () => container()?.restartCount === 1);
  assert.equal(container()?.lastState?.terminated?.exitCode, 3);
  await harness.advance(1_000);
  await harness.until("back-off", waiting);
  assert.equal(
    container()?.state?.waiting?.message,
    "back-off 10s restarting failed container=app pod=web_default(u1)",
  );
  assert.equal(harness.cluster.statusOf("u1").phase, "Running");
  await harness.advance(9_000);
  assert.equal(container()?.restartCount, 1);
  await harness.advance(1_000);
  await harness.until("second restart", () => container()?.restartCount === 2);
  await harness.advance(1_000);
  await harness.until("back-off of 20 s", () =>
    /back-off 20s/.test(container()?.state?.waiting?.message ?? ""),
  );
  assert.ok(
    harness.cluster.events.includes(
      "Warning BackOff: Back-off restarting failed container app in pod web_default(u1)",
    ),
  );
});

test("Kubelet: init containers run in order, before the others", async () => {
  await using harness = new Harness();
  await harness.start();
  const initContainers = [
    containerOf("i1", { command: ["sleep", "1"] }),
    containerOf("i2", { command: ["sleep", "1"] }),
  ];
  harness.cluster.put(podOf({ initContainers, containers: [runs("server")] }));
  const names = (): string =>
    (harness.cluster.statusOf("u1").initContainerStatuses ?? [])
      .map((it) => Object.keys(it.state ?? {})[0])
      .join();
  await harness.until("first", () => names() === "running,waiting");
  assert.equal(harness.cluster.statusOf("u1").phase, "Pending");
  await harness.advance(1_000);
  await harness.until("second", () => names() === "terminated,running");
  await harness.advance(1_000);
  await harness.phase("Running");
  assert.equal(names(), "terminated,terminated");
});

test("Kubelet: an image that is not there is told of, and asked for again later", async () => {
  await using harness = new Harness();
  await harness.start();
  const container = containerOf("app", { image: "missing.invalid/app:1" });
  harness.cluster.put(podOf({ containers: [container] }));
  const reason = (): string | undefined =>
    harness.cluster.statusOf("u1").containerStatuses?.[0]?.state?.waiting?.reason;
  await harness.until("failure", () => reason() === "ErrImagePull");
  await harness.advance(1_000);
  await harness.until("back-off", () => reason() === "ImagePullBackOff");
  assert.equal(harness.cluster.statusOf("u1").phase, "Pending");
  const pulls = (): number => harness.cluster.events.filter((it) => it.includes("Pulling")).length;
  assert.equal(pulls(), 1);
  await harness.advance(9_000);
  await harness.until("second pull", () => pulls() === 2);
});

test("Kubelet: a missing ConfigMap holds the container until it appears", async () => {
  await using harness = new Harness();
  await harness.start();
  const envFrom = [{ configMapRef: { name: "late" } }];
  harness.cluster.put(
    podOf({ containers: [containerOf("app", { envFrom, command: ["server"] })] }),
  );
  const waiting = (): string =>
    JSON.stringify(harness.cluster.statusOf("u1").containerStatuses?.[0]?.state?.waiting ?? {});
  await harness.until("config error", () => waiting().includes("CreateContainerConfigError"));
  assert.match(waiting(), /configmap \\"late\\" not found/);
  harness.cluster.objects.putConfigMap({ metadata: { namespace: "default", name: "late" } });
  await harness.phase("Running");
});

test("Kubelet: an image changed in place restarts that container", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  const spec = { ...podOf().spec, containers: [{ ...runs("server"), image: "busybox:2" }] };
  harness.cluster.put({ ...harness.cluster.get("u1"), spec });
  await harness.until("new image", () => {
    const status = harness.cluster.statusOf("u1").containerStatuses?.[0];
    return status?.restartCount === 1 && status.state?.running !== undefined;
  });
  assert.ok(
    harness.cluster.events.includes(
      "Normal Killing: Container app definition changed, will be restarted",
    ),
  );
});

test("Kubelet: a restart of the agent restarts no container", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  const before = harness.cluster.statusOf("u1");
  await harness.stop();
  await harness.start();
  await harness.advance(10_000);
  assert.deepEqual(harness.cluster.statusOf("u1"), before);
  harness.cluster.remove("u1");
  const signal = new AbortController().signal;
  for (let turn = 0; turn < turnsMax; turn += 1) {
    if ((await harness.runtime.listSandboxes(signal)).length === 0) return;
    await setImmediate();
  }
  assert.fail("the pod that vanished still has its sandbox");
});

test("Kubelet: pods that vanished while the agent was away are ended", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  await harness.stop();
  harness.cluster.remove("u1");
  await harness.start();
  const signal = new AbortController().signal;
  for (let turn = 0; turn < turnsMax; turn += 1) {
    if ((await harness.runtime.listSandboxes(signal)).length === 0) return;
    await setImmediate();
  }
  assert.fail("the pod that vanished still has its sandbox");
});

test("Kubelet: the node's own pods run while no API answers; nothing else begins or ends", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kubelet-static-"));
  await using harness = new Harness();
  try {
    await harness.start();
    harness.cluster.put(podOf({ containers: [runs("server")] }));
    await harness.phase("Running");
    await harness.stop();

    const spec = {
      hostNetwork: true,
      containers: [{ name: "own", image: "busybox", command: ["server"] }],
    };
    const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "own" }, spec };
    await writeFile(join(directory, "own.json"), JSON.stringify(manifest));
    harness.cluster.remove("u1");
    const answers = Promise.withResolvers<undefined>();
    harness.cluster.answers = answers.promise;
    harness.cluster.isComplete = false;
    await harness.start({ staticPodPath: directory });
    await harness.sandboxes("own-node-1", "web");
    const later = { uid: "u2", name: "later" };
    harness.cluster.put(podOf({ containers: [runs("server")] }, later));
    await harness.advance(10_000);
    await harness.sandboxes("own-node-1", "web");
    assert.deepEqual(
      harness.cluster.list().map((it) => it.metadata?.name),
      ["later"],
    );

    answers.resolve(undefined);
    harness.cluster.isComplete = true;
    await harness.phase("Running", "u2");
    const hasMirror = (): boolean => harness.cluster.list().length === 2;
    const patience = AbortSignal.timeout(patienceMs);
    while (!hasMirror() && !patience.aborted) await harness.advance(1_000);
    assert.ok(hasMirror());
    await harness.sandboxes("later", "own-node-1");
  } finally {
    await harness.stop();
    await rm(directory, { recursive: true });
  }
});

test("Kubelet: told to end its pods before it knows them, it waits until it does", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  await harness.stop();
  const answers = Promise.withResolvers<undefined>();
  harness.cluster.answers = answers.promise;
  const kubelet = await harness.start();
  const { signal } = new AbortController();
  const over = kubelet.shutDown({ graceMs: 30_000, criticalMs: 0 }, signal);
  answers.resolve(undefined);
  await over;
  assert.equal(harness.cluster.statusOf("u1").reason, "Terminated");
});

test("Kubelet: a pod for which there is no room fails", async () => {
  await using harness = new Harness();
  await harness.start();
  const resources = { requests: { cpu: "5" } };
  harness.cluster.put(podOf({ containers: [containerOf("app", { resources })] }));
  await harness.phase("Failed");
  assert.equal(harness.cluster.statusOf("u1").reason, "OutOfcpu");
});

test("Kubelet: activeDeadlineSeconds ends the pod", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.put(podOf({ activeDeadlineSeconds: 30, containers: [runs("server")] }));
  await harness.phase("Running");
  await harness.advance(30_000);
  await harness.phase("Failed");
  assert.equal(harness.cluster.statusOf("u1").reason, "DeadlineExceeded");
});

test("Kubelet: a status that cannot be written is written later", async () => {
  await using harness = new Harness();
  await harness.start();
  harness.cluster.failure = new Error("down");
  harness.cluster.put(podOf({ containers: [runs("server")] }));
  await harness.advance(500);
  assert.equal(harness.cluster.statusOf("u1").phase, undefined);
  harness.cluster.failure = undefined;
  await harness.advance(1_000);
  await harness.phase("Running");
});

test("Kubelet: a server that does not take the status is not asked without pause", async () => {
  await using harness = new Harness();
  const { cluster } = harness;
  let asked = 0;
  cluster.patchPodStatus = async () => {
    asked += 1;
    const pod = cluster.get("u1") ?? {};
    cluster.put(pod);
    const resourceVersion = cluster.get("u1")?.metadata?.resourceVersion ?? "";
    return { resourceVersion, status: pod.status ?? {} };
  };
  await harness.start();
  cluster.put(podOf({ containers: [runs("server")] }));
  await harness.advance(0);
  await harness.advance(0);
  assert.ok(asked >= 1 && asked <= 4, `asked ${asked} times`);
  const before = asked;
  await harness.advance(10_000);
  assert.equal(asked, before + 1);
});

test("Kubelet: a deletion is not repeated while the watch is silent", async () => {
  await using harness = new Harness();
  const { cluster } = harness;
  let asked = 0;
  cluster.deletePod = async () => {
    asked += 1;
  };
  await harness.start();
  cluster.put(podOf({ containers: [runs("server")] }));
  await harness.phase("Running");
  cluster.put(deleting(cluster.get("u1") ?? {}, 1));
  await harness.until("asked", () => asked === 1);
  await harness.advance(9_999);
  assert.equal(asked, 1);
  await harness.advance(1);
  assert.equal(asked, 2);
});

test("Kubelet: probes over HTTP make ready, and restart what is not alive", async () => {
  let status = 503;
  const server = createServer((_request, response) => {
    response.statusCode = status;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await using harness = new Harness();
    await harness.start();
    const httpGet = { path: "/", port, host: "127.0.0.1" };
    const probe = { httpGet, periodSeconds: 1, failureThreshold: 2 };
    const container = {
      ...runs("server"),
      readinessProbe: probe,
      livenessProbe: { ...probe, initialDelaySeconds: 5 },
    };
    harness.cluster.put(podOf({ containers: [container] }));
    await harness.phase("Running");
    assert.equal(ready(harness.cluster.statusOf("u1")), false);
    const failed =
      "Warning Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503";
    await waitFor(() => harness.cluster.events.includes(failed));
    status = 200;
    await harness.advance(1_000);
    await waitFor(() => ready(harness.cluster.statusOf("u1")));
    status = 500;
    for (let second = 0; second < 8; second += 1) {
      await harness.advance(1_000);
      await waitFor(() => true); // One probe goes over its socket.
    }
    await waitFor(
      () => (harness.cluster.statusOf("u1").containerStatuses?.[0]?.restartCount ?? 0) > 0,
    );
    assert.ok(
      harness.cluster.events.some((it) => it.includes("failed liveness probe, will be restarted")),
    );
  } finally {
    server.close();
  }
});

/** For what goes over a real socket. */
async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  do {
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
    if (condition()) return;
  } while (performance.now() < deadline);
  assert.fail("never came");
}
