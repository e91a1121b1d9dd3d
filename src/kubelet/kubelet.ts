import { readFile } from "node:fs/promises";
import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { nextTurn } from "#base/turn.ts";
import type { ContainerStatus, Runtime, SandboxConfig } from "#cri/runtime.ts";
import { pressureRefusal } from "./eviction/admission.ts";
import { bareHost } from "./host/bare-host.ts";
import { runLogRotation } from "./host/log-rotation.ts";
import { openHost, type DiskOptions, type OpenHost } from "./host/open-host.ts";
import { unknownUsage } from "./host/usage.ts";
import { Limiter } from "./limiter.ts";
import { exposedMetrics, type ExposedMetrics } from "./metrics/exposed-metrics.ts";
import { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { measuredRuntime } from "./metrics/measured-runtime.ts";
import { ProbeMetrics } from "./metrics/probe-metrics.ts";
import { exposeVolumeStats } from "./metrics/volume-stats.ts";
import { admitPod } from "./node/admission.ts";
import { runLease } from "./node/lease.ts";
import { NodeAgent } from "./node/node-agent.ts";
import {
  allocatableOf,
  nodeLabels,
  type MachineFacts,
  type NodeIdentity,
} from "./node/node-object.ts";
import type { NodeView } from "./pod/context.ts";
import { parseResolvConf } from "./pod/dns.ts";
import { Images } from "./pod/images.ts";
import type { Verdict } from "./pod/input.ts";
import { PodAgent } from "./pod/pod-agent.ts";
import { RuntimeCache } from "./pod/runtime-cache.ts";
import type { KubeletPorts } from "./ports.ts";
import { Hooks } from "./probes/hooks.ts";
import { noProber, RunningProber } from "./probes/prober.ts";
import { NodePods, type ServedPods } from "./server/pods.ts";
import type { UsageSource } from "./server/usage.ts";
import type { LocalDirectories } from "./volumes/local-directories.ts";
import { Housekeeping, type HousekeepingOptions } from "./housekeeping.ts";
import { shutDown, type ShutdownOptions } from "./shutdown/shut-down.ts";
import { StaticPods } from "./static/static-pods.ts";
import { firstList, watchRuntime } from "./runtime-watch.ts";

export interface KubeletOptions {
  readonly identity: Omit<NodeIdentity, "runtimeVersion">;
  readonly runtime: Runtime;
  readonly ports: KubeletPorts;
  readonly dns: {
    /** Addresses of the cluster's DNS; empty for none. */
    readonly servers: readonly string[];
    /** `cluster.local`. */
    readonly domain: string;
  };
  /** Undefined: pods get no directories, volumes and logs; for simulated nodes in great number. */
  readonly disk: DiskOptions | undefined;
  /** Folder of the node's own pods; undefined: it has none. */
  readonly staticPodPath: string | undefined;
  /** Undefined: no pod is evicted and no image removed; for nodes that are not real. */
  readonly housekeeping: HousekeepingOptions | undefined;
  /** False: every container counts as alive and ready. */
  readonly probes: boolean;
  readonly machine: () => Promise<MachineFacts>;
  /** Sandboxes and containers started at a time; twice the processors is a good number. */
  readonly startsMax: number;
  /** Milliseconds between two lists of the runtime; 10,000 where containers are real. */
  readonly relistMs: number;
  /** Where the agent counts; undefined: nobody reads it. */
  readonly metrics?: MetricRegistry | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Runs a node until the signal aborts; its containers go on running. Rejects when it cannot begin. */
export async function runKubelet(options: KubeletOptions, signal: AbortSignal): Promise<void> {
  const kubelet = await Kubelet.open(options, signal);
  await kubelet.run(signal);
}

interface Parts {
  readonly agent: PodAgent;
  readonly cache: RuntimeCache;
  readonly nodeAgent: NodeAgent;
  readonly servedPods: NodePods;
  readonly running: RunningProber | undefined;
  readonly opened: OpenHost | undefined;
  readonly housekeeping: Housekeeping | undefined;
  readonly staticPods: StaticPods | undefined;
  readonly shutdown: { isBegun: boolean };
  readonly exposed: ExposedMetrics;
  readonly counts: KubeletMetrics;
  readonly runtime: Runtime;
}

/** How often tokens are looked at for their age. */
const tokenLookMs = 60_000;

/** The node agent: one node's pods, and the node itself. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #parts: Parts;
  /** Resolves when the pods of the node are known. */
  readonly #learnt = Promise.withResolvers<undefined>();

  private constructor(options: KubeletOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Prepares the node's directories and learns of its machine; starts nothing. */
  static async open(options: KubeletOptions, signal: AbortSignal): Promise<Kubelet> {
    const parts = await openParts(options, signal);
    return new Kubelet(options, parts);
  }

  /** Works until the signal aborts, and ends when all that it started has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { agent, nodeAgent, running, housekeeping, staticPods } = this.#parts;
    const { ports, clock, random, log, identity } = this.#options;
    const stopObjects = ports.objects.subscribe((uid) => {
      agent.objectChanged(uid);
    });
    const lease = {
      api: ports.api,
      node: () => nodeAgent.node,
      nodeName: identity.name,
      clock,
      random,
      log,
    };
    await Promise.all([
      nodeAgent.run(signal),
      runLease(lease, signal),
      this.#runPods(signal),
      this.#runRotation(signal),
      this.#refreshTokens(signal),
      housekeeping?.run(signal),
      staticPods?.run(signal),
    ]);
    stopObjects();
    await running?.[Symbol.asyncDispose]();
  }

  /**
   * Ends all pods and takes no more, for a machine that goes down. Resolves when they have ended or
   * the time is over; {@link run} goes on until its own signal.
   */
  async shutDown(grace: ShutdownOptions["grace"], signal: AbortSignal): Promise<void> {
    const { agent, nodeAgent, shutdown } = this.#parts;
    const { clock, log } = this.#options;
    shutdown.isBegun = true;
    await this.#untilLearnt(grace.graceMs, signal);
    await nodeAgent.look(signal).catch((error: unknown) => {
      log.info("shutdown not told", { reason: describeError(error) });
    });
    const options: ShutdownOptions = {
      activePods: () => agent.activePods(),
      end: (uid, verdict) => agent.end(uid, verdict),
      ended: (uid, stop) => agent.ended(uid, stop),
      grace,
      clock,
    };
    await shutDown(options, signal);
  }

  /** An agent that has just begun does not know yet which pods run here. Waits so long at the most. */
  async #untilLearnt(milliseconds: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const limit = this.#options.clock.sleep(milliseconds, AbortSignal.any([signal, over.signal]));
    await Promise.race([this.#learnt.promise, limit.catch(() => undefined)]);
    over.abort();
    // Looks at pods wait for nothing: those that were due have been made by then.
    await nextTurn();
  }

  /** The node's pods with their containers, for the server of logs and commands. */
  get servedPods(): ServedPods {
    return this.#parts.servedPods;
  }

  get usage(): UsageSource {
    return this.#parts.opened?.usage ?? unknownUsage;
  }

  /** For the node's server. */
  get metrics(): ExposedMetrics {
    return this.#parts.exposed;
  }

  /** Directories of local-path volumes; undefined where the node has no disk. */
  get localVolumes(): LocalDirectories | undefined {
    return this.#parts.opened?.localVolumes;
  }

  /** Tells the API where the node's server listens. To be called before {@link run}. */
  announcePort(port: number): void {
    this.#parts.nodeAgent.announcePort(port);
  }

  async #runPods(signal: AbortSignal): Promise<void> {
    const { clock, log, relistMs } = this.#options;
    const { agent, cache, staticPods, runtime, counts } = this.#parts;
    const watch = { runtime, cache, clock, log, relistMs, metrics: counts };
    try {
      await staticPods?.open();
      await firstList(watch, signal);
      // The node's own pods need no API. Without any, nothing begins before all are known.
      if (staticPods === undefined) await this.#learnPods(signal);
      const learnt = staticPods === undefined ? undefined : this.#learnPodsLater(signal);
      await Promise.all([watchRuntime(watch, signal), agent.run(signal), learnt]);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Rejects only with what the machine says, not when it is aborted: then the others wind up. */
  async #learnPodsLater(signal: AbortSignal): Promise<void> {
    await this.#learnPods(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  /** Waits until the API's pods are known, and what they need; then they run, and what is left of others goes. */
  async #learnPods(signal: AbortSignal): Promise<void> {
    const { ports } = this.#options;
    const { agent, cache, opened, staticPods } = this.#parts;
    await Promise.all([(staticPods ?? ports.pods).synced(signal), ports.services.synced(signal)]);
    const isKnown = (uid: string): boolean =>
      ports.pods.get(uid) !== undefined ||
      staticPods?.get(uid) !== undefined ||
      cache.uids().includes(uid);
    await opened?.host.sweep(opened.podsDirectory, isKnown, signal);
    staticPods?.complete();
    agent.podsComplete();
    this.#learnt.resolve(undefined);
  }

  async #runRotation(signal: AbortSignal): Promise<void> {
    const { runtime, clock, log, disk } = this.#options;
    const { cache } = this.#parts;
    if (disk === undefined) return;
    const containers = (): ContainerStatus[] =>
      cache.uids().flatMap((uid) => cache.get(uid).containers);
    await runLogRotation({ runtime, clock, log, containers }, signal);
  }

  async #refreshTokens(signal: AbortSignal): Promise<void> {
    const { opened, agent } = this.#parts;
    const { clock, ports } = this.#options;
    if (opened === undefined) return;
    while (!signal.aborted) {
      await clock.sleep(tokenLookMs, signal).catch(() => undefined); // Aborted: the loop ends.
      for (const { metadata } of ports.pods.list()) {
        const uid = metadata?.uid ?? "";
        const dueMs = opened.tokens.nextRefreshMs(uid);
        if (dueMs !== undefined && dueMs <= clock.now()) agent.objectChanged(uid);
      }
    }
  }
}

async function openParts(given: KubeletOptions, signal: AbortSignal): Promise<Parts> {
  const wired: Wired = { shutdown: { isBegun: false } };
  const { measured, counts, registries } = withMetrics(given);
  const { options, staticPods } = withStaticPods(measured, wired);
  const { runtime, ports, clock, log, disk } = options;
  const version = await runtime.version(signal);
  const runtimeVersion = `${version.name}://${version.version}`;
  const identity = { ...options.identity, runtimeVersion };
  const nodeAgent = await openNodeAgent(options, identity, wired);
  wired.nodeAgent = nodeAgent;
  const nodeDns = await readNodeDns(disk !== undefined);
  const node = (): NodeView => nodeView(options, identity, nodeAgent.machine, nodeDns);
  const podIps = (pod: Pod): readonly string[] => {
    if (pod.spec?.hostNetwork === true) return node().hostIps;
    return wired.cache?.get(pod.metadata?.uid ?? "").sandboxes[0]?.ips ?? [];
  };
  const opened =
    disk === undefined
      ? undefined
      : await openHost(disk, { ports, clock, node, podIps, runtime }, signal);
  const host = opened?.host ?? bareHost;
  const onChange = (uid: string): void => {
    wired.agent?.add(uid);
    wired.servedPods?.changed(uid);
  };
  const cache = new RuntimeCache({
    runtime,
    clock,
    log,
    terminationMessage: (status) => host.terminationMessage(status),
    onChange,
  });
  wired.cache = cache;
  const servedPods = (wired.servedPods = new NodePods(ports.pods, cache));
  const podIp = (pod: Pod): string => podIps(pod)[0] ?? "";
  const counted = { events: ports.events, metrics: new ProbeMetrics(registries.probes) };
  const asking = { runtime, clock, log, ...counted, podIp, onChange };
  const running = options.probes ? new RunningProber(asking) : undefined;
  const agent: PodAgent = new PodAgent({
    ports,
    runtime,
    runtimeName: version.name,
    host,
    usage: opened?.usage ?? unknownUsage,
    images: new Images({ runtime, clock, events: ports.events, objects: ports.objects }),
    cache,
    hooks: new Hooks({ runtime, clock }),
    prober: running ?? noProber,
    starts: new Limiter(options.startsMax),
    metrics: counts,
    clock,
    log,
    node,
    admit: (pod, others) => {
      const labels = nodeAgent.node?.metadata?.labels ?? nodeLabels(identity, nodeAgent.machine);
      return generalRefusal(pod, wired) ?? admitPod(pod, { ...node(), labels }, others);
    },
    refreshNode: (stop) => nodeAgent.refresh(stop),
  });
  wired.agent = agent;
  if (options.housekeeping !== undefined && opened !== undefined) {
    const parts = { runtime, ports, opened, agent, cache, metrics: counts, clock, log };
    wired.housekeeping = new Housekeeping(options.housekeeping, parts);
  }
  const { housekeeping, shutdown } = wired;
  const seen = { cache, servedPods, running, counts, runtime };
  const parts = { agent, nodeAgent, ...seen, opened, housekeeping, staticPods, shutdown };
  return { ...parts, exposed: expose(options, parts, registries) };
}

interface Registries {
  readonly metrics: MetricRegistry;
  readonly probes: MetricRegistry;
}

/** The same node with a runtime that is measured. */
function withMetrics(given: KubeletOptions): {
  readonly measured: KubeletOptions;
  readonly counts: KubeletMetrics;
  readonly registries: Registries;
} {
  const { metrics = new MetricRegistry(), clock } = given;
  const measured = { ...given, runtime: measuredRuntime(given.runtime, { metrics, clock }) };
  const registries = { metrics, probes: new MetricRegistry() };
  return { measured, counts: new KubeletMetrics(metrics, clock), registries };
}

/** Tells of the node and what runs on it. */
function expose(
  { ports, identity, clock }: KubeletOptions,
  { agent, cache, opened, counts, nodeAgent }: Omit<Parts, "exposed">,
  to: Registries,
): ExposedMetrics {
  const pods = (): readonly Pod[] => ports.pods.list();
  const activePods = (): readonly Pod[] => agent.activePods();
  counts.expose({
    name: identity.name,
    pods,
    activePods,
    observed: () => cache.uids().map((uid) => cache.get(uid)),
  });
  const host = opened?.host;
  if (host !== undefined) {
    const path = (pod: Pod, volume: string): string | undefined => host.volumePath(pod, volume);
    exposeVolumeStats(to.metrics, { pods: activePods, path });
  }
  return exposedMetrics({
    ...to,
    groups: opened?.groups,
    pods,
    observed: (pod) => cache.get(pod.metadata?.uid ?? ""),
    machine: () => nodeAgent.machine,
    nodeDirectory: opened?.podsDirectory ?? "/",
    clock,
  });
}

/** They know each other: the cache tells the agent, the agent asks the cache and the prober. */
interface Wired {
  agent?: PodAgent;
  cache?: RuntimeCache;
  nodeAgent?: NodeAgent;
  servedPods?: NodePods;
  housekeeping?: Housekeeping;
  readonly shutdown: { isBegun: boolean };
}

/** The pods of the node's own folder beside those of the API. */
function withStaticPods(
  options: KubeletOptions,
  wired: Wired,
): { readonly options: KubeletOptions; readonly staticPods: StaticPods | undefined } {
  const { staticPodPath: directory, ports, identity, clock, log } = options;
  if (directory === undefined) return { options, staticPods: undefined };
  const { pods, api, events } = ports;
  const staticPods = new StaticPods({
    directory,
    nodeName: identity.name,
    nodeUid: () => wired.nodeAgent?.node?.metadata?.uid,
    pods,
    api,
    events,
    clock,
    log,
  });
  return {
    options: { ...options, ports: { ...ports, pods: staticPods, api: staticPods.api } },
    staticPods,
  };
}

async function openNodeAgent(
  { ports, runtime, machine, clock, log }: KubeletOptions,
  identity: NodeIdentity,
  wired: Wired,
): Promise<NodeAgent> {
  const { api, events, seenNode } = ports;
  const told = {
    pressures: () => wired.housekeeping?.pressures,
    isShuttingDown: () => wired.shutdown.isBegun,
  };
  const options = { identity, api, events, seenNode, runtime, machine, ...told, clock, log };
  return new NodeAgent(options, await machine());
}

/** Why the node takes no such pod at present, whatever room it has. */
function generalRefusal(pod: Pod, { shutdown, housekeeping }: Wired): Verdict | undefined {
  if (shutdown.isBegun) {
    const message = "Pod was rejected as the node is shutting down.";
    return { reason: "NodeShutdown", message };
  }
  return pressureRefusal(pod, housekeeping?.pressures ?? new Set());
}

/** The node's own resolver, for pods that do not use the cluster's. */
async function readNodeDns(isReal: boolean): Promise<SandboxConfig["dns"]> {
  const text = isReal ? await readFile("/etc/resolv.conf", "utf8").catch(() => "") : "";
  return parseResolvConf(text);
}

function nodeView(
  { dns, disk }: KubeletOptions,
  identity: NodeIdentity,
  machine: MachineFacts,
  node: SandboxConfig["dns"],
): NodeView {
  return {
    name: identity.name,
    hostIps: identity.addresses,
    memoryBytes: machine.memoryBytes,
    allocatable: allocatableOf(identity, machine),
    dns: { clusterServers: dns.servers, clusterDomain: dns.domain, node },
    seccompDirectory: `${disk?.rootDirectory ?? ""}/seccomp`,
  };
}
