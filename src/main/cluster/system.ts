import { hostname } from "node:os";
import type { UserInfo } from "#apiserver/contract.ts";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { TaskGroup } from "#base/task-group.ts";
import { PodAdmission } from "#proxy/policy/admission.ts";
import type { Authority } from "#pki/authority.ts";
import type { CertificatePair } from "#pki/files.ts";
import { keepRenewed } from "#pki/renewal.ts";
import type { Store } from "#store/store.ts";
import { aborted } from "#main/process/aborted.ts";
import {
  openHost,
  serverOf,
  startHostTasks,
  world,
} from "#main/control-plane/control-plane-host.ts";
import type { ControlPlane } from "#main/control-plane/control-plane.ts";
import { furtherNodes, knownNodes, runFurtherNode, type FurtherNode } from "./further-nodes.ts";
import { openNodeMirror, writeImageSources } from "#main/images/images.ts";
import { openImages } from "#main/images/open-images.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import type { Mirror } from "#registry/mirror/mirror.ts";
import type { RegistryServer } from "#registry/server.ts";
import { openClusterRegistry } from "#main/images/cluster-registry.ts";
import { ownNames, registryAddresses } from "#main/images/registry-names.ts";
import { InstanceLock } from "./instance.ts";
import { runNodeIngress } from "#main/network/node-ingress.ts";
import { networkUser, nodeAddress, runNodeNetwork } from "#main/network/node-network.ts";
import { anyAddress, machineAddress } from "#main/network/network-plan.ts";
import { runNode, type NodeOptions } from "#main/node/node.ts";
import { claimPodCidr } from "#main/network/node-range.ts";
import { firstPodCidr, openRuntime, type OpenedRuntime } from "#main/node/runtime.ts";
import type { Drain } from "#main/process/drain.ts";
import { ingressArguments, type UpOptions } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf, type Paths } from "#main/process/paths.ts";
import type { ProgressSender } from "#main/process/progress.ts";
import { openMirrors } from "#main/images/registry-mirrors.ts";
import { ensureSegment, segmentOf } from "#main/network/segment.ts";
import { version } from "#main/process/version.ts";
import { runWorkflows, type SchedulerReport } from "#main/workflows/process.ts";

export interface Reports {
  readonly progress: ProgressSender;
  readonly log: Logger;
  readonly drain: Drain;
}

/** Everything that is open while the system runs. */
interface System {
  readonly store: Store;
  readonly controlPlane: ControlPlane;
  readonly opened: OpenedRuntime;
  readonly images: ImageStore;
  /** Where images come from that are not here; undefined: from nowhere. */
  readonly upstream: Mirror | undefined;
  readonly nodeName: string;
  readonly address: string;
}

/**
 * Runs control plane and node in this process until the signal aborts. Containers go on running.
 * @throws {Error} with the cause and the remedy when it cannot start.
 */
export async function runSystem(
  options: UpOptions,
  reports: Reports,
  signal: AbortSignal,
): Promise<void> {
  const { progress, log } = reports;
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  using lock = await InstanceLock.take(paths.data);
  if (lock === undefined) throw new Error(`another Gantry runs on ${paths.data}`);
  // What is opened last is closed first; the tasks, which use all of it, end before that.
  await using stack = new AsyncDisposableStack();
  const count = options.nodes ?? (await knownNodes(paths));
  const address = await addressOf(options, paths, count, signal);
  const system = await openSystem(options, { paths, address }, { stack, reports, signal });
  const further = furtherNodes(paths, system.nodeName, count);
  await using tasks = new TaskGroup((error) => {
    log.error("a part failed", { error: error as Error });
  });
  startTasks(system, paths, options, { tasks, log, drain: reports.drain });
  await using registry = await openRegistry(system, paths, { options, tasks, reports });
  startFurther(further, system, paths, { options, tasks, reports });
  for (const name of [system.nodeName, ...further.map((it) => it.name)]) {
    await system.controlPlane.nodeReady(name, signal);
    progress.send({ kind: "step", text: `node ${name} is ready` });
  }
  const server = serverOf(system.controlPlane);
  const report = {
    pid: process.pid,
    server,
    node: system.nodeName,
    runtime: options.runtime,
    startedAt: new Date().toISOString(),
    version,
  };
  lock.announce(report);
  progress.send({ kind: "ready" });
  progress.close();
  log.info("serving", { server, registry: registry?.ports[0] ?? "none" });
  if (options.workflows) {
    // Only now: nothing of the cluster waits for it.
    const told = ({ pid, api, dags }: SchedulerReport): void => {
      lock.announce({ ...report, workflows: { pid, api, dags } });
    };
    const world = { paths, port: options.workflowsPort, clock: systemClock, log, told };
    tasks.start((stop) => runWorkflows(world, stop));
  }
  await aborted(signal);
  log.info("stopping", { reason: String(signal.reason) });
}

async function openRegistry(
  { images: store, upstream: mirror, controlPlane: { authority }, address }: System,
  paths: Paths,
  at: { readonly options: UpOptions; readonly tasks: TaskGroup; readonly reports: Reports },
): Promise<RegistryServer | undefined> {
  const { registryPort, host } = at.options;
  const { log, progress } = at.reports;
  const addresses = registryAddresses({ host, address });
  const about = { paths, registryPort, addresses, store, mirror, authority, log };
  const registry = await openClusterRegistry(about, at.tasks);
  if (registry !== undefined) {
    progress.send({ kind: "step", text: `image registry on localhost:${registryPort}` });
  } else if (registryPort !== 0) {
    const text = `no image registry: port ${registryPort} is taken (choose one with --registry-port)`;
    progress.send({ kind: "step", text });
  }
  return registry;
}

/** At which nodes and pods reach this machine: on the network between its nodes, if it has several. */
async function addressOf(
  options: UpOptions,
  paths: Paths,
  count: number,
  signal: AbortSignal,
): Promise<string> {
  if (options.runtime !== "containerd") return machineAddress();
  if (count === 1) return await nodeAddress(paths.node, signal);
  const segment = segmentOf(paths.data);
  if (!anyAddress.includes(options.host) && options.host !== segment.address) {
    throw new Error(
      `the other nodes cannot reach the API server on ${options.host}: leave out --host, or --nodes`,
    );
  }
  await ensureSegment(segment, signal);
  return segment.address;
}

function startFurther(
  nodes: readonly FurtherNode[],
  { controlPlane, address }: System,
  paths: Paths,
  at: { readonly options: UpOptions; readonly tasks: TaskGroup; readonly reports: Reports },
): void {
  const { runtime } = at.options;
  const { log, drain } = at.reports;
  const registry = ["--registry-port", String(at.options.registryPort)];
  const logging = ["--log-level", at.options.logLevel];
  const ports = [...registry, ...ingressArguments(at.options), ...logging];
  const server = `https://${address}:${controlPlane.port}`;
  for (const node of nodes) {
    at.tasks.start(async (stop) => {
      const about = { paths, runtime, server, ports };
      await runFurtherNode(node, { ...about, clock: systemClock, log, drain }, stop);
    });
  }
}

async function openSystem(
  options: UpOptions,
  { paths, address }: { readonly paths: Paths; readonly address: string },
  to: {
    readonly stack: AsyncDisposableStack;
    readonly reports: Reports;
    readonly signal: AbortSignal;
  },
): Promise<System> {
  const { stack, signal } = to;
  const { progress, log } = to.reports;
  const { runtime: kind } = options;
  const open = async (podCidr: string): Promise<OpenedRuntime> => {
    const place = { kind, nodeDirectory: paths.node, podCidr };
    return stack.use(await openRuntime({ ...place, ...world(log) }, signal));
  };
  // Where no other node can be the first, the runtime comes up while the control plane does.
  const early = options.store === undefined ? open(firstPodCidr) : undefined;
  // Told below, unless something else fails before; until then it is nobody's yet.
  const earlyEnd = early?.catch(() => undefined);
  stack.defer(async () => {
    await earlyEnd;
  });
  const host = { ...options, pkiDirectory: paths.pki, advertiseAddress: address };
  const { store, controlPlane } = await openHost(host, { paths, stack, log }, signal);
  const server = serverOf(controlPlane);
  progress.send({ kind: "step", text: `API server on ${server}` });
  const images = stack.use(await openImages(paths, log));
  const addresses = registryAddresses({ ...options, address });
  const isOwnName = ownNames(options.registryPort, addresses);
  const about = { paths, store: images, log };
  const upstream = await openMirrors(options.registryMirror, about, stack, signal);
  const mirror = stack.use(await openNodeMirror(images, isOwnName, log, upstream));
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  const claim = { name: nodeName, wanted: early === undefined ? undefined : firstPodCidr };
  const podCidr = await claimPodCidr(controlPlane.server, claim, signal);
  const opened = await (early ?? open(podCidr));
  if (kind === "containerd") await writeImageSources(paths.node, { local: mirror });
  progress.send({ kind: "step", text: `container runtime: ${kind}` });
  return { store, controlPlane, opened, images, upstream, nodeName, address };
}

function startTasks(
  { store, controlPlane, opened, nodeName, address }: System,
  paths: Paths,
  options: UpOptions,
  with_: { readonly tasks: TaskGroup; readonly log: Logger; readonly drain: Drain },
): void {
  const { tasks, log, drain } = with_;
  startHostTasks({ store, controlPlane }, options.store !== undefined, { tasks, log });
  tasks.start(async (stop) => {
    await opened.run(stop);
  });
  const isReal = options.runtime === "containerd";
  const admission = isReal ? new PodAdmission(systemClock) : undefined;
  const metrics = new MetricRegistry();
  tasks.start(async (stop) => {
    const { authority } = controlPlane;
    const serving = await localServing(authority, { nodeName, address, log });
    const { shutdownGrace } = options;
    const place = { name: nodeName, address, nodeDirectory: paths.node };
    const node = { ...place, ...serving, admission, drain, shutdownGrace };
    const client = controlPlane.clientOf(nodeUser(nodeName), "gantry-kubelet", metrics);
    const { runtime } = opened;
    await runNode({ ...node, client, metrics, runtime, isReal, ...world(log) }, stop);
  });
  if (admission === undefined) return;
  tasks.start(async (stop) => {
    const client = controlPlane.clientOf(networkUser, "gantry-proxy", metrics);
    const node = { nodeName, address, nodeDirectory: paths.node, client, admission, metrics };
    await runNodeNetwork({ ...node, ...world(log) }, stop);
  });
  tasks.start(async (stop) => {
    const client = controlPlane.clientOf(nodeUser(nodeName), "gantry-ingress", metrics);
    const node = { ...options, nodeName, nodeDirectory: paths.node, client, metrics };
    await runNodeIngress({ ...node, ...world(log) }, stop);
  });
}

/** The certificate of a node that runs beside the authority. */
async function localServing(
  authority: Authority,
  at: { readonly nodeName: string; readonly address: string; readonly log: Logger },
): Promise<Pick<NodeOptions, "serving" | "keepServing" | "clientCa">> {
  const { nodeName, address, log } = at;
  const hosts = [nodeName, address, "localhost", "127.0.0.1"];
  const load = (): Promise<CertificatePair> =>
    authority.serving("kubelet", `system:node:${nodeName}`, hosts);
  const failed = (error: unknown): void => {
    log.error("certificate of the node not renewed", { error: error as Error });
  };
  const serving = await load();
  return {
    serving,
    clientCa: authority.certificate,
    keepServing: async (renewed, stop) => {
      await keepRenewed(serving, { load, renewed, failed }, systemClock, stop);
    },
  };
}

function nodeUser(name: string): UserInfo {
  const groups = ["system:nodes", "system:authenticated"];
  return { name: `system:node:${name}`, uid: "", groups, extra: {} };
}
