import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Container, Pod, PodSpec, PodStatus } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { jsonLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { detectCgroups, listCgroups } from "#cri/cgroups.ts";
import { findBinaries } from "#cri/containerd/binaries.ts";
import { type NodeRuntime, startNodeRuntime } from "#cri/containerd/node-runtime.ts";
import { resetNode } from "#cri/containerd/reset.ts";
import { busyboxImage, busyboxImageName } from "#cri/images/seed.ts";
import { mountsBelow } from "#cri/mounts.ts";
import { Kubelet } from "#kubelet/kubelet.ts";
import { unmountAll } from "#kubelet/host/open-host.ts";
import { readMachine } from "#kubelet/node/machine.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { containerOf } from "#testing/pod-fixtures.ts";

const never = new AbortController().signal;
/** No step of a pod's life may take longer on a busy machine. */
const patienceMs = 60_000;

async function whyNot(): Promise<string | false> {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  try {
    await findBinaries();
    for await (const chunk of busyboxImage(process.arch)) if (chunk.length > 0) break;
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const skip = await whyNot();
if (skip !== false) process.stdout.write(`# kubelet tests are skipped: ${skip}\n`);

/** A node of its own with an agent; the cluster is in memory. */
class TestNode {
  readonly id = randomBytes(3).toString("hex");
  readonly nodeDir = `/tmp/gantry-${this.id}`;
  readonly cgroupRoot = `/gantry-test-${this.id}`;
  readonly table = `gantry_test_${this.id}`;
  readonly podCidr = `10.${200 + ((randomBytes(1)[0] ?? 0) % 50)}.${randomBytes(1)[0] ?? 0}.0/24`;
  readonly cluster = new FakeCluster();
  readonly log: string[] = [];
  #node: NodeRuntime | undefined;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  async open(): Promise<void> {
    this.#node = await startNodeRuntime(
      {
        nodeDir: this.nodeDir,
        podCidr: this.podCidr,
        clusterCidr: this.podCidr,
        mtu: 1500,
        table: this.table,
        owner: "a test",
        environment: {},
        arch: process.arch,
        clock: systemClock,
        log: jsonLogger(systemClock, (line) => this.log.push(line)),
      },
      never,
    );
    await this.#node.runtime.importImage(busyboxImage(process.arch), never);
  }

  get runtime(): NodeRuntime["runtime"] {
    assert.ok(this.#node !== undefined);
    return this.#node.runtime;
  }

  async startAgent(): Promise<Kubelet> {
    this.#stop = new AbortController();
    const kubelet = await Kubelet.open(
      {
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
        dns: { servers: ["10.96.0.10"], domain: "cluster.local" },
        disk: {
          rootDirectory: join(this.nodeDir, "kubelet"),
          logDirectory: join(this.nodeDir, "logs"),
          cgroupRoot: this.cgroupRoot,
          isPrivileged: true,
        },
        housekeeping: undefined,
        staticPodPath: undefined,
        probes: true,
        machine: () => readMachine(this.nodeDir),
        startsMax: 4,
        relistMs: 10_000,
        clock: systemClock,
        random: systemRandom,
        log: jsonLogger(systemClock, (line) => this.log.push(line)),
      },
      this.#stop.signal,
    );
    this.#running = kubelet.run(this.#stop.signal);
    return kubelet;
  }

  async stopAgent(): Promise<void> {
    this.#stop.abort(new Error("test over"));
    await this.#running;
  }

  async close(): Promise<void> {
    await this.stopAgent();
    this.#node?.[Symbol.dispose]();
    const { nodeDir, cgroupRoot, table } = this;
    await unmountAll(nodeDir, never);
    await resetNode({ nodeDir, cgroupParents: [cgroupRoot], table, clock: systemClock }, never);
  }

  /** Puts a pod and gives its uid. */
  put(name: string, spec: Partial<PodSpec>): string {
    const pod: Pod = {
      metadata: { name, namespace: "default", uid: `${name}-${this.id}`, labels: { app: name } },
      spec: {
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 1,
        enableServiceLinks: true,
        containers: [],
        ...spec,
      },
    };
    this.cluster.put(pod);
    return pod.metadata?.uid ?? "";
  }

  async status(uid: string, what: string, holds: (it: PodStatus) => boolean): Promise<PodStatus> {
    await this.until(`${uid} ${what}`, () => holds(this.cluster.statusOf(uid)));
    return this.cluster.statusOf(uid);
  }

  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = systemClock.monotonic() + patienceMs;
    while (!(await condition())) {
      if (systemClock.monotonic() > deadline) {
        const statuses = this.cluster.list().map((it) => it.status);
        assert.fail(
          `never came: ${what}\n${JSON.stringify(statuses, undefined, 1)}\n${this.cluster.events.join("\n")}\n${this.log.join("")}`,
        );
      }
      await systemClock.sleep(20, never);
    }
  }

  async delete(uid: string): Promise<void> {
    const pod = this.cluster.get(uid);
    this.cluster.put({
      ...pod,
      metadata: {
        ...pod?.metadata,
        deletionTimestamp: new Date(systemClock.now()).toISOString(),
        deletionGracePeriodSeconds: 1,
      },
    });
    await this.until(`${uid} deleted`, () => this.cluster.deleted.includes(uid));
    await this.until(`${uid} gone from the runtime`, async () => {
      const containers = await this.runtime.listContainers(never);
      const sandboxes = await this.runtime.listSandboxes(never);
      return [...containers, ...sandboxes].every(
        (it) => it.labels["io.kubernetes.pod.uid"] !== uid,
      );
    });
    await this.until(`${uid} gone from the disk`, () => {
      return !existsSync(join(this.nodeDir, "kubelet/pods", uid));
    });
  }

  async logOf(uid: string, container: string): Promise<string> {
    const directory = join(this.nodeDir, "logs");
    const pod = (await readdir(directory)).find((it) => it.endsWith(uid));
    if (pod === undefined) return "";
    const text = await readFile(join(directory, pod, container, "0.log"), "utf8").catch(() => "");
    return text.replaceAll(/^\S+ std(?:out|err) [FP] /gm, "");
  }
}

function shell(script: string, more: Partial<Container> = {}): Container {
  return containerOf("app", {
    image: busyboxImageName,
    command: ["sh", "-c", script],
    ...more,
  });
}

function isRunning(it: PodStatus): boolean {
  return it.phase === "Running" && it.containerStatuses?.[0]?.state?.running !== undefined;
}

suite("kubelet on containerd", { skip }, () => {
  const node = new TestNode();

  let kubelet: Kubelet;

  before(async () => {
    await node.open();
    kubelet = await node.startAgent();
  });

  after(async () => {
    await node.close();
  });

  test("a pod runs with its own address, and its end leaves nothing", async () => {
    const uid = node.put("web", { containers: [shell("httpd -f -p 8080 -h /etc")] });
    const status = await node.status(uid, "runs", isRunning);
    assert.match(status.podIP ?? "", /^10\./);
    assert.equal(status.qosClass, "BestEffort");
    const cgroups = await detectCgroups();
    const parent = `${node.cgroupRoot}/besteffort`;
    assert.ok((await listCgroups(cgroups, parent)).includes(`pod${uid}`));
    const served = kubelet.servedPods.find("default", "web");
    const container = served?.observed.containers[0];
    assert.ok(served !== undefined && container?.state === "running");
    const usage = await kubelet.usage.container(served.pod, container.id);
    assert.ok((usage?.memoryUsageBytes ?? 0) > 0, "a running container uses memory");
    assert.ok(((await kubelet.usage.node())?.cpuNanoseconds ?? 0n) > 0n);
    await node.delete(uid);
    assert.ok(!(await listCgroups(cgroups, parent)).includes(`pod${uid}`));
    const mounts = mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), node.nodeDir);
    assert.deepEqual(
      mounts.filter((it) => it.includes(uid)),
      [],
    );
  });

  test("environment, volumes, hosts file and resolver are in the container", async () => {
    const { objects } = node.cluster;
    objects.putConfigMap({
      metadata: { namespace: "default", name: "cm" },
      data: { key: "from-config" },
    });
    const script = [
      "echo env=$A ip=$IP host=$(hostname)",
      "echo cm=$(cat /cm/key) sub=$(cat /sub-file)",
      "echo labels=$(cat /meta/labels) token=$(cat /token/token)",
      "touch /empty/x && stat -c 'empty=%a' /empty",
      "mount | grep -c ' /memory type tmpfs' | sed 's/^/memory=/'",
      "touch /cm/new 2>/dev/null || echo cm-is-readonly",
      "grep -c managed /etc/hosts | sed 's/^/hosts=/'",
      "head -1 /etc/resolv.conf",
      "echo message > /dev/termination-log; exit 3",
    ].join("\n");
    const volumeMounts = [
      { name: "cm", mountPath: "/cm" },
      { name: "cm", mountPath: "/sub-file", subPath: "key" },
      { name: "meta", mountPath: "/meta" },
      { name: "token", mountPath: "/token" },
      { name: "empty", mountPath: "/empty" },
      { name: "memory", mountPath: "/memory" },
    ];
    const labels = [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }];
    const env = [
      { name: "A", value: "1-$(IP)" },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    ].toReversed();
    const uid = node.put("volumes", {
      restartPolicy: "Never",
      containers: [shell(script, { volumeMounts, env })],
      volumes: [
        { name: "cm", configMap: { name: "cm" } },
        { name: "meta", downwardAPI: { items: labels } },
        { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
        { name: "empty", emptyDir: {} },
        { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
    });
    const status = await node.status(uid, "ended", (it) => it.phase === "Failed");
    const ended = status.containerStatuses?.[0]?.state?.terminated;
    assert.deepEqual([ended?.exitCode, ended?.reason, ended?.message], [3, "Error", "message\n"]);
    assert.equal(
      await node.logOf(uid, "app"),
      [
        `env=1-${status.podIP ?? ""} ip=${status.podIP ?? ""} host=volumes`,
        "cm=from-config sub=from-config",
        'labels=app="volumes" token=token',
        "empty=777",
        "memory=1",
        "cm-is-readonly",
        "hosts=1",
        "search default.svc.cluster.local svc.cluster.local cluster.local",
        "",
      ].join("\n"),
    );
    await node.delete(uid);
  });

  test("a ConfigMap that changes is seen in the running container", async () => {
    const { objects } = node.cluster;
    const metadata = { namespace: "default", name: "live" };
    objects.putConfigMap({ metadata, data: { key: "old" } });
    const uid = node.put("live", {
      containers: [
        shell("while true; do cat /cm/key; echo; sleep 0.1; done", {
          volumeMounts: [{ name: "cm", mountPath: "/cm" }],
        }),
      ],
      volumes: [{ name: "cm", configMap: { name: "live" } }],
    });
    await node.until("old", async () => (await node.logOf(uid, "app")).includes("old"));
    objects.putConfigMap({ metadata, data: { key: "new" } });
    await node.until("new", async () => (await node.logOf(uid, "app")).includes("new"));
    await node.delete(uid);
  });

  test("a subPath that is a link out of the volume is refused", async () => {
    const uid = node.put("escape", {
      initContainers: [
        {
          ...shell("ln -s /etc /v/out", { volumeMounts: [{ name: "v", mountPath: "/v" }] }),
          name: "link",
        },
      ],
      containers: [
        shell("sleep 60", { volumeMounts: [{ name: "v", mountPath: "/x", subPath: "out" }] }),
      ],
      volumes: [{ name: "v", emptyDir: {} }],
    });
    const status = await node.status(uid, "refused", (it) => {
      return it.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError";
    });
    assert.match(
      status.containerStatuses?.[0]?.state?.waiting?.message ?? "",
      /leads out of the volume/,
    );
    await node.delete(uid);
  });

  test("too much memory is OOMKilled", async () => {
    const uid = node.put("oom", {
      restartPolicy: "Never",
      containers: [
        shell("x=a; while true; do x=$x$x$x$x; done", {
          resources: { limits: { memory: "16Mi" } },
        }),
      ],
    });
    const status = await node.status(uid, "ended", (it) => it.phase === "Failed");
    const ended = status.containerStatuses?.[0]?.state?.terminated;
    assert.deepEqual([ended?.exitCode, ended?.reason], [137, "OOMKilled"]);
    await node.delete(uid);
  });

  test("probes by exec, TCP and HTTP; preStop runs before the end", async () => {
    const probe = { periodSeconds: 1, initialDelaySeconds: 0 };
    const lifecycle = {
      preStop: { exec: { command: ["sh", "-c", "echo stopping > /proc/1/fd/1"] } },
    };
    const uid = node.put("probed", {
      terminationGracePeriodSeconds: 5,
      containers: [
        shell("touch /tmp/ok; exec httpd -f -p 8080 -h /etc", {
          startupProbe: { ...probe, exec: { command: ["cat", "/tmp/ok"] } },
          livenessProbe: { ...probe, tcpSocket: { port: 8080 } },
          readinessProbe: { ...probe, httpGet: { path: "/hostname", port: "http" } },
          ports: [{ name: "http", containerPort: 8080 }],
          lifecycle,
        }),
      ],
    });
    await node.status(uid, "is ready", (it) => it.containerStatuses?.[0]?.ready === true);
    const logged = (async () => {
      await node.until("preStop", async () => (await node.logOf(uid, "app")).includes("stopping"));
    })();
    await Promise.all([node.delete(uid), logged]);
  });

  test("a bad command is RunContainerError, then a crash loop", async () => {
    const uid = node.put("bad", {
      containers: [containerOf("app", { image: busyboxImageName, command: ["/no/such"] })],
    });
    const status = await node.status(uid, "backs off", (it) => {
      return it.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff";
    });
    const last = status.containerStatuses?.[0]?.lastState?.terminated;
    assert.deepEqual([last?.exitCode, last?.reason], [128, "StartError"]);
    await node.delete(uid);
  });

  test("a restart of the agent restarts no container and loses no exit", async () => {
    const uid = node.put("kept", { containers: [shell("sleep 1000")] });
    const ending = node.put("ending", {
      restartPolicy: "Never",
      containers: [shell("sleep 2; exit 7")],
    });
    const before = await node.status(uid, "runs", isRunning);
    await node.status(ending, "runs", isRunning);
    await node.stopAgent();
    await node.until("end without an agent", async () => {
      const containers = await node.runtime.listContainers(never);
      const ended = containers.find((it) => it.labels["io.kubernetes.pod.uid"] === ending);
      return ended?.state === "exited";
    });
    await node.startAgent();
    const ended = await node.status(ending, "ended", (it) => it.phase === "Failed");
    assert.equal(ended.containerStatuses?.[0]?.state?.terminated?.exitCode, 7);
    assert.deepEqual(node.cluster.statusOf(uid).containerStatuses, before.containerStatuses);
    await node.delete(uid);
    await node.delete(ending);
  });
});
