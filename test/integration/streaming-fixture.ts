import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { jsonLogger, type Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informers } from "#client/informers.ts";
import { findBinaries } from "#cri/containerd/binaries.ts";
import { startNodeRuntime } from "#cri/containerd/node-runtime.ts";
import { resetNode } from "#cri/containerd/reset.ts";
import { busyboxImage, busyboxImageName } from "#cri/images/seed.ts";
import type { Runtime } from "#cri/runtime.ts";
import { SimulatedRuntime } from "#cri/simulated/runtime.ts";
import { ClusterConnection } from "#kubelet/cluster/connect.ts";
import { rotateLog } from "#kubelet/host/log-rotation.ts";
import { unmountAll } from "#kubelet/host/open-host.ts";
import { Kubelet } from "#kubelet/kubelet.ts";
import { readMachine } from "#kubelet/node/machine.ts";
import { accessReviews } from "#kubelet/cluster/access-reviews.ts";
import { KubeletAccess } from "#kubelet/server/access.ts";
import { openKubeletServer } from "#kubelet/server/server.ts";
import { runComponents } from "#main/control-plane/components.ts";
import { openControlPlane, type ControlPlane } from "#main/control-plane/control-plane.ts";
import { machineAddress } from "#main/network/network-plan.ts";
import { writeAdminKubeconfig } from "#main/control-plane/kubeconfig-file.ts";
import { EventSender } from "#reconcile/events.ts";
import { MemoryStore } from "#store/memory.ts";

const never = new AbortController().signal;
export const nodeName = "node-1";
export const image = busyboxImageName;

/** Why containers cannot run here; false when they can. */
export async function whyNoContainers(): Promise<string | false> {
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

/**
 * The oldest and the newest kubectl, by version: of those on the PATH, and those that lie beside
 * them as `kubectl.1.27`. Old ones speak SPDY, new ones WebSocket.
 */
export async function findKubectls(): Promise<readonly (readonly [string, string])[]> {
  const found = new Map<string, string>();
  const directories = new Set((process.env["PATH"] ?? "").split(delimiter));
  for (const directory of [...directories]) {
    const real = await realpath(join(directory, "kubectl")).catch(() => undefined);
    if (real !== undefined) directories.add(dirname(real));
  }
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      if (!/^kubectl(\.1\.\d+)?$/.test(name)) continue;
      const path = join(directory, name);
      const { stdout } = await run([path, "version", "--client", "--output=json"], {});
      const version = /"gitVersion": "v1\.(\d+)\./.exec(stdout.toString())?.[1];
      if (version !== undefined) found.set(`1.${version}`, path);
    }
  }
  const sorted = [...found].toSorted(([left], [right]) => minor(left) - minor(right));
  return sorted.length > 1 ? [sorted.slice(0, 1), sorted.slice(-1)].flat() : sorted;
}

function minor(version: string): number {
  return Number(version.split(".")[1]);
}

interface OpenedRuntime {
  readonly runtime: Runtime;
  readonly isReal: boolean;
  readonly directory: string;
  readonly cgroupRoot: string | undefined;
  close(): Promise<void>;
}

export async function openSimulated(): Promise<OpenedRuntime> {
  const directory = await mkdtemp(join(tmpdir(), "gantry-streaming-"));
  const runtime = new SimulatedRuntime({
    clock: systemClock,
    podCidr: "10.99.0.0/24",
    idPrefix: "sim",
    delays: { sandboxMs: 0, startMs: 0, pullMs: 0, stopMs: 0 },
    onError: () => undefined,
  });
  return {
    runtime,
    isReal: false,
    directory,
    cgroupRoot: undefined,
    async close() {
      await runtime[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

export async function openContainerd(): Promise<OpenedRuntime> {
  const id = randomBytes(3).toString("hex");
  const nodeDir = `/tmp/gantry-${id}`;
  const table = `gantry_test_${id}`;
  const cgroupRoot = `/gantry-test-${id}`;
  const podCidr = `10.${200 + ((randomBytes(1)[0] ?? 0) % 50)}.${randomBytes(1)[0] ?? 0}.0/24`;
  const node = await startNodeRuntime(
    {
      nodeDir,
      podCidr,
      clusterCidr: podCidr,
      mtu: 1500,
      table,
      owner: "a test",
      environment: {},
      arch: process.arch,
      clock: systemClock,
      log: logger([]),
    },
    never,
  );
  await node.runtime.importImage(busyboxImage(process.arch), never);
  return {
    runtime: node.runtime,
    isReal: true,
    directory: nodeDir,
    cgroupRoot,
    async close() {
      node[Symbol.dispose]();
      await unmountAll(nodeDir, never);
      await resetNode({ nodeDir, cgroupParents: [cgroupRoot], table, clock: systemClock }, never);
    },
  };
}

/** A cluster of one node in this process, called over real HTTPS on loopback. */
export class StreamingCluster {
  readonly lines: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  #kubeconfig = "";
  #controlPlane: ControlPlane | undefined;
  #runtime: Runtime | undefined;

  static async open(opened: OpenedRuntime): Promise<StreamingCluster> {
    const cluster = new StreamingCluster();
    await cluster.#open(opened);
    return cluster;
  }

  get kubeconfig(): string {
    return this.#kubeconfig;
  }

  get controlPlane(): ControlPlane {
    assert.ok(this.#controlPlane !== undefined);
    return this.#controlPlane;
  }

  async close(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Rotates the logs of a pod's containers, as the kubelet does when they have grown. */
  async rotateLogs(pod: string): Promise<void> {
    assert.ok(this.#runtime !== undefined);
    const limits = { bytesMax: 1, filesMax: 5, periodMs: 1_000 };
    for (const { id, labels } of await this.#runtime.listContainers(never)) {
      if (labels["io.kubernetes.pod.name"] !== pod) continue;
      const status = await this.#runtime.containerStatus(id, never);
      if (status !== undefined) await rotateLog({ runtime: this.#runtime, limits }, status, never);
    }
  }

  async #open(opened: OpenedRuntime): Promise<void> {
    const log = logger(this.lines);
    this.#runtime = opened.runtime;
    this.#stack.defer(() => opened.close());
    const pki = await mkdtemp(join(tmpdir(), "gantry-pki-"));
    this.#stack.defer(() => rm(pki, { recursive: true }));
    const world = { clock: systemClock, random: systemRandom, log };
    const store = this.#stack.use(new MemoryStore(systemClock));
    const controlPlane = this.#stack.use(
      await openControlPlane(
        {
          store,
          pkiDirectory: pki,
          host: "127.0.0.1",
          port: 0,
          // Only written into objects; loopback may not stand there.
          advertiseAddress: machineAddress(),
          ...world,
        },
        never,
      ),
    );
    this.#controlPlane = controlPlane;
    this.#kubeconfig = join(pki, "kubeconfig");
    const server = `https://127.0.0.1:${controlPlane.port}`;
    await writeAdminKubeconfig(this.#kubeconfig, server, controlPlane.authority);
    const tasks = this.#stack.use(
      new TaskGroup((error) => {
        log.error("task failed", { error: error as Error });
      }),
    );
    tasks.start(async (stop) => {
      await runComponents({ controlPlane, identity: "test", elect: false, ...world }, stop);
    });
    tasks.start((stop) => this.#runNode(opened, controlPlane, log, stop));
    await controlPlane.nodeReady(nodeName, never);
  }

  async #runNode(
    opened: OpenedRuntime,
    controlPlane: ControlPlane,
    log: Logger,
    signal: AbortSignal,
  ): Promise<void> {
    const world = { clock: systemClock, random: systemRandom, log };
    const groups = ["system:nodes", "system:authenticated"];
    const user = { name: `system:node:${nodeName}`, uid: "", groups, extra: {} };
    const client = controlPlane.clientOf(user, "kubelet");
    await using informers = new Informers({ client, freeze: false, ...world });
    await using tasks = new TaskGroup(() => undefined);
    const recorder = new EventSender({ client, component: "kubelet", host: nodeName, ...world });
    tasks.start((stop) => recorder.run(stop));
    await using cluster = new ClusterConnection({ client, informers, nodeName, ...world });
    const { runtime, isReal, directory, cgroupRoot } = opened;
    const kubelet = await Kubelet.open(
      {
        identity: {
          name: nodeName,
          addresses: ["127.0.0.1"],
          labels: {},
          podsMax: 110,
          port: 0,
          version: "v1.36.0",
        },
        runtime,
        ports: cluster.of(nodeName, recorder),
        dns: { servers: [], domain: "cluster.local" },
        disk: {
          rootDirectory: join(directory, "kubelet"),
          logDirectory: join(directory, "logs"),
          cgroupRoot,
          isPrivileged: isReal,
        },
        housekeeping: undefined,
        staticPodPath: undefined,
        probes: isReal,
        machine: () => readMachine(tmpdir()),
        startsMax: 4,
        relistMs: 10_000,
        ...world,
      },
      signal,
    );
    const { authority } = controlPlane;
    const name = `system:node:${nodeName}`;
    const serving = await authority.serving("kubelet", name, [nodeName, "127.0.0.1"]);
    await using server = await openKubeletServer({
      host: "127.0.0.1",
      port: 0,
      tls: { key: serving.key, cert: serving.certificate, clientCa: authority.certificate },
      nodeName,
      runtime,
      pods: kubelet.servedPods,
      usage: kubelet.usage,
      metrics: kubelet.metrics,
      access: new KubeletAccess(accessReviews(client, nodeName), systemClock),
      clock: systemClock,
      log,
    });
    kubelet.announcePort(server.port);
    await kubelet.run(signal);
  }
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  /** Leaves stdin open until the program ends. */
  readonly holdStdin?: boolean;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. Fails when it does not end in time. */
export async function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  options: RunOptions = {},
): Promise<Ran> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => undefined);
  if (options.stdin !== undefined) child.stdin.write(options.stdin);
  if (options.holdStdin !== true) child.stdin.end();
  const stop = new AbortController();
  const late = setTimeout(options.timeoutMs ?? 60_000, undefined, { signal: stop.signal }).then(
    () => child.kill("SIGKILL"),
    () => false,
  );
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  stop.abort();
  const output = Buffer.concat(stdout);
  if (await late) {
    assert.fail(`did not end: ${command.join(" ")}\n${output.toString()}\n${stderr}`);
  }
  return { code, stdout: output, stderr };
}

function logger(lines: string[]): Logger {
  return jsonLogger(systemClock, (line) => lines.push(line));
}
