import type { Node, NodeStatus } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import { compareResourceVersions } from "#client/resource-version.ts";
import type { ImageStatus, Runtime } from "#cri/runtime.ts";
import type { Pressure } from "#kubelet/eviction/plan.ts";
import { nodeEvents, type ToldNode } from "./node-events.ts";
import type { KubeletApi, KubeletEvents, KubeletPorts } from "#kubelet/ports.ts";
import {
  nodeLabels,
  nodeObject,
  nodeStatus,
  type MachineFacts,
  type NodeIdentity,
} from "./node-object.ts";
import { advertisedChange } from "./advertised.ts";
import { shouldWriteStatus, showsConditions } from "./plan.ts";

/** How often the machine and the runtime are looked at (upstream: 10 s). */
const lookMs = 10_000;
/** How often it is looked for what others advertise on the node; they wait that long for it to count. */
const advertisedMs = 30_000;
const retry = { initialMs: 200, maxMs: 10_000 };

export interface NodeAgentOptions {
  readonly identity: NodeIdentity;
  readonly api: KubeletApi;
  readonly events: KubeletEvents;
  /** See {@link KubeletPorts.seenNode}. */
  readonly seenNode: KubeletPorts["seenNode"];
  readonly runtime: Runtime;
  readonly machine: () => Promise<MachineFacts>;
  readonly isShuttingDown: () => boolean;
  /** Undefined: they are read off the machine. */
  readonly pressures: () => ReadonlySet<Pressure> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Registers the node and keeps its status true. */
export class NodeAgent {
  readonly #options: NodeAgentOptions;
  #port: number;
  #node: Node | undefined;
  #machine: MachineFacts;
  #followedAtMs = Number.NEGATIVE_INFINITY;
  /** What the last events told of. */
  #told: ToldNode | undefined;
  #written: { readonly status: NodeStatus; readonly atMs: number } | undefined;

  constructor(options: NodeAgentOptions, machine: MachineFacts) {
    this.#options = options;
    this.#port = options.identity.port;
    this.#machine = machine;
  }

  /** The agent's own server listens there; the next look tells the API. */
  announcePort(port: number): void {
    this.#port = port;
  }

  /** As the API last answered; undefined before the node is registered. */
  get node(): Node | undefined {
    return this.#node;
  }

  get machine(): MachineFacts {
    return this.#machine;
  }

  /** Asks the API for the node as it is now. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { api, identity } = this.#options;
    const found = await api.getNode(identity.name, signal);
    // While it is not registered, the next look registers it.
    if (this.#node !== undefined && found !== undefined) this.#node = found;
  }

  /** What others advertise in the node's capacity can be had from it, too. */
  async #followAdvertised(signal: AbortSignal): Promise<void> {
    const { identity, api, clock } = this.#options;
    const nowMs = clock.monotonic();
    if (nowMs - this.#followedAtMs < advertisedMs) return;
    this.#followedAtMs = nowMs;
    const allocatable = this.#node === undefined ? undefined : advertisedChange(this.#node);
    if (allocatable === undefined) return;
    await api.patchNodeStatus(identity.name, { status: { allocatable } }, signal);
  }

  /** Registers, then looks and writes until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#options;
    const backoff = new Backoff<string>(retry);
    events.node({ type: "Normal", reason: "Starting", message: "Starting kubelet." });
    while (!signal.aborted) {
      const isDone = await this.#lookSafely(signal);
      if (isDone) backoff.succeed("node");
      const pauseMs = isDone ? lookMs : backoff.fail("node");
      await clock.sleep(pauseMs, signal).catch(() => undefined); // Aborted: the loop ends.
    }
  }

  async #lookSafely(signal: AbortSignal): Promise<boolean> {
    try {
      await this.look(signal);
      await this.#followAdvertised(signal);
      return true;
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      if (!signal.aborted) this.#options.log.error("node status not written", { error: cause });
      return false;
    }
  }

  /** Looks once, and writes what the API does not show yet. */
  async look(signal: AbortSignal): Promise<void> {
    const { identity, api, clock, machine } = this.#options;
    this.#machine = await machine();
    const { problems, images } = await this.#runtimeHealth(signal);
    // Asked for only when the watch does not show it: thousands of nodes look at themselves.
    this.#node = this.#newest() ?? (await api.getNode(identity.name, signal));
    // Deleted meanwhile: it registers anew.
    if (this.#node === undefined) this.#written = this.#told = undefined;
    const nowMs = clock.now();
    const status = nodeStatus({
      identity: { ...identity, port: this.#port },
      machine: this.#machine,
      health: { problems: this.#withShutdown(problems), pressures: this.#options.pressures() },
      images,
      previous: this.#node?.status?.conditions ?? [],
      nowMs,
    });
    const before = this.#told ?? toldOf(this.#node);
    if (this.#node === undefined) {
      await this.#register(status, signal);
    } else if (this.#written === undefined) {
      await this.#correctLabels(signal);
    }
    const isShown = showsConditions(this.#node?.status, status);
    if (isShown && !shouldWriteStatus(this.#written, status, nowMs)) return;
    try {
      this.#node = await api.patchNodeStatus(identity.name, { status: asJson(status) }, signal);
    } catch (error) {
      // Deleted meanwhile: it registers anew.
      if (isStatus(error, "NotFound")) this.#node = this.#written = this.#told = undefined;
      throw error;
    }
    this.#tell(before);
    this.#written = { status, atMs: nowMs };
  }

  /** What the watch shows, or the answer to a write that it does not show yet. */
  #newest(): Node | undefined {
    const seen = this.#options.seenNode();
    if (seen === undefined || this.#node === undefined) return seen;
    return compareResourceVersions(revisionOf(seen), revisionOf(this.#node)) < 0
      ? this.#node
      : seen;
  }

  async #register(status: NodeStatus, signal: AbortSignal): Promise<void> {
    const { identity, api } = this.#options;
    try {
      this.#node = await api.createNode(nodeObject(identity, this.#machine, status), signal);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      this.#node = await api.getNode(identity.name, signal);
    }
  }

  /** The labels that every node has are the agent's; others may have been added by people. */
  async #correctLabels(signal: AbortSignal): Promise<void> {
    const { identity, api } = this.#options;
    const wanted = nodeLabels(identity, this.#machine);
    const labels = this.#node?.metadata?.labels ?? {};
    if (Object.entries(wanted).every(([key, value]) => labels[key] === value)) return;
    this.#node = await api.patchNode(identity.name, { metadata: { labels: wanted } }, signal);
  }

  async #runtimeHealth(
    signal: AbortSignal,
  ): Promise<{ readonly problems: readonly string[]; readonly images: readonly ImageStatus[] }> {
    const { runtime } = this.#options;
    try {
      const { runtimeReady, networkReady, message } = await runtime.status(signal);
      const problems = [
        ...(runtimeReady
          ? []
          : [`container runtime status check may not have completed yet: ${message}`]),
        ...(networkReady ? [] : [`container runtime network not ready: ${message}`]),
      ];
      return { problems, images: await runtime.listImages(signal) };
    } catch (error) {
      signal.throwIfAborted();
      return { problems: [`container runtime is down: ${describeError(error)}`], images: [] };
    }
  }

  #withShutdown(problems: readonly string[]): readonly string[] {
    return this.#options.isShuttingDown() ? ["node is shutting down", ...problems] : problems;
  }

  #tell(before: ToldNode | undefined): void {
    const { events, identity } = this.#options;
    const after = toldOf(this.#node);
    if (after === undefined) return;
    this.#told = after;
    for (const it of nodeEvents(identity.name, before, after)) events.node(it);
  }
}

function toldOf(node: Node | undefined): ToldNode | undefined {
  if (node === undefined) return undefined;
  return {
    conditions: node.status?.conditions ?? [],
    bootId: node.status?.nodeInfo?.bootID ?? "",
    unschedulable: node.spec?.unschedulable ?? false,
  };
}

function revisionOf(node: Node): string {
  return node.metadata?.resourceVersion ?? "";
}

function asJson(status: NodeStatus): JsonObject {
  return JSON.parse(JSON.stringify(status)) as JsonObject;
}
