import type { Node, Pod } from "#api/gen/types.ts";
import { matchesLabels } from "#api/selector/label.ts";
import type { SelectedNode } from "#api/selector/node.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { nextTurn } from "#base/turn.ts";
import type { Change } from "#client/cache.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { namespaces, nodes, pods } from "#client/kinds.ts";
import { keyOf, namespaceOf, nameOf, uidOf } from "#client/object-key.ts";
import { DelayedQueue } from "#reconcile/delayed-queue.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { Cluster } from "./cluster.ts";
import type { Placement } from "./plan.ts";
import { PodQueue } from "./pod-queue.ts";
import type { PodShape } from "./pod-shape.ts";
import { changedInFavour, hasEnded, isOurs, sameForScheduling, waitsForNode } from "./relevance.ts";
import { claimKeysOf, VolumeBinder, type Reservation } from "./volume-binder.ts";
import { volumeFault, type PodVolumes } from "./volume-rules.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Pods with this `spec.schedulerName` are ours. */
  readonly name: string;
}

/** Bindings on their way at the same time, at most. */
const bindingsMax = 100;
/** Decisions made before others in the process get their turn. */
const decisionsPerTurn = 20;
/** client-go's pod back-off of the scheduler: 1 s doubling to 10 s. */
const backoffMs = { initialMs: 1_000, maxMs: 10_000 };
/** A pod that found no node is tried again after this, even if nothing seems to have changed. */
const retryAnywayMs = 300_000;

/**
 * Gives each pending pod a node. It counts a pod on its node from the moment of the decision, so
 * that the next decision need not wait for the binding to be stored.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cluster: Cluster;
  readonly #queue = new PodQueue();
  /** Found no node: waits for a change in its favour. */
  readonly #unschedulable = new Set<string>();
  readonly #backoff = new Backoff<string>(backoffMs);
  readonly #tasks: TaskGroup;
  /** Pods whose volumes are being bound; bounded by the pods that the nodes take. */
  readonly #waits: TaskGroup;
  readonly #volumes: VolumeBinder;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  #later: DelayedQueue<string> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    const { informers, log } = options;
    this.#options = options;
    this.#pods = informers.of(pods);
    this.#nodes = informers.of(nodes);
    this.#pods.addIndex("node", (it) =>
      it.spec?.nodeName === undefined ? [] : [it.spec.nodeName],
    );
    const known = informers.of(namespaces);
    this.#cluster = new Cluster((selector) =>
      known
        .list()
        .filter((it) => matchesLabels(selector, it.metadata?.labels))
        .map(nameOf),
    );
    const failed = (error: unknown): void => {
      log.error("scheduling failed", { error: error as Error });
    };
    this.#tasks = new TaskGroup(failed);
    this.#waits = new TaskGroup(failed);
    this.#pods.addIndex("claim", claimKeysOf);
    this.#volumes = new VolumeBinder({
      ...options,
      usersOf: (claim) =>
        this.#pods
          .byIndex("claim", claim)
          .filter((it) => this.#cluster.nodeOf(it) !== undefined && !hasEnded(it)),
    });
  }

  /** Schedules until the signal aborts, then waits for the bindings under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, informers } = this.#options;
    await Promise.all([
      this.#nodes.synced(signal),
      this.#pods.synced(signal),
      this.#volumes.synced(signal),
      informers.of(namespaces).synced(signal),
    ]);
    this.#later = new DelayedQueue<string>(
      clock,
      (key) => {
        this.#enqueue(key);
      },
      signal,
    );
    const leave = [
      this.#nodes.subscribe((change) => {
        this.#nodeChanged(change);
      }),
      this.#pods.subscribe((change) => {
        this.#podChanged(change);
      }),
      this.#volumes.subscribe(
        (key) => {
          this.#claimChanged(key);
        },
        () => {
          this.#storageChanged();
        },
      ),
    ];
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    try {
      await this.#decideForever(signal);
    } finally {
      for (const it of leave) it();
      signal.removeEventListener("abort", wake);
      await this.#waits[Symbol.asyncDispose]();
      await this.#tasks[Symbol.asyncDispose]();
    }
  }

  async #decideForever(signal: AbortSignal): Promise<void> {
    let decisions = 0;
    while (!signal.aborted) {
      const key = this.#tasks.size < bindingsMax ? this.#queue.take() : undefined;
      if (key === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      this.#decide(key);
      decisions += 1;
      if (decisions % decisionsPerTurn === 0) await nextTurn();
    }
  }

  #decide(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined || !waitsForNode(pod)) return;
    // Decided already; its binding is under way or has not come back yet.
    if (this.#cluster.nodeOf(pod) !== undefined) return;
    const shape = this.#cluster.shapeOf(pod);
    const volumes = this.#volumes.of(pod);
    const placement = this.#place(pod, shape, volumes);
    if (placement.kind === "unschedulable") {
      this.#unschedulable.add(key);
      this.#later?.add(key, retryAnywayMs);
      this.#tasks.start(async (signal) => {
        await this.#tell(pod, placement.message, signal);
      });
      return;
    }
    const { node } = placement;
    this.#cluster.setPod(pod, node, shape);
    if (volumes.kind === "rules" && volumes.rules.unbound.length > 0) {
      const reservation = this.#volumes.reserve(volumes.rules, this.#nodeFacts(node));
      this.#waits.start(async (signal) => {
        await this.#bindVolumes(key, pod, reservation, signal);
      });
      return;
    }
    this.#tasks.start(async (signal) => {
      await this.#bind(key, pod, node, signal);
    });
  }

  #place(pod: Pod, shape: PodShape, volumes: PodVolumes): Placement {
    const { random } = this.#options;
    if (volumes.kind === "none") return this.#cluster.place(pod, shape, random);
    if (volumes.kind === "refused") {
      const { nodes: count } = this.#cluster;
      const message = `0/${count} nodes are available: ${volumes.message}.`;
      return { kind: "unschedulable", message };
    }
    const { rules } = volumes;
    const { view } = this.#volumes;
    return this.#cluster.place(pod, shape, random, (node) => volumeFault(rules, node, view));
  }

  #nodeFacts(node: string): SelectedNode {
    return this.#cluster.factsOf(node) ?? { name: node, labels: {} };
  }

  /** Waits for the volumes beside the bindings: a provisioner may take minutes. */
  async #bindVolumes(
    key: string,
    pod: Pod,
    reservation: Reservation,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, log } = this.#options;
    const { node } = reservation;
    try {
      await this.#volumes.bind(reservation, signal);
    } catch (error) {
      this.#cluster.removePod(pod);
      if (signal.aborted) return;
      this.#later?.add(key, this.#backoff.fail(key));
      // Somebody else wrote first: the next look decides anew.
      if (isStatus(error, "Conflict")) return;
      const message = `running PreBind plugin "VolumeBinding": ${describeError(error)}`;
      events.record(pods, pod, { type: "Warning", reason: "FailedScheduling", message });
      log.info("volumes not bound", { pod: key, node, why: describeError(error) });
      return;
    } finally {
      this.#volumes.release(reservation);
    }
    await this.#bind(key, pod, node, signal);
  }

  async #bind(key: string, pod: Pod, node: string, signal: AbortSignal): Promise<void> {
    const { client, events, log } = this.#options;
    const [namespace, name] = [namespaceOf(pod), nameOf(pod)];
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name, namespace, uid: uidOf(pod) },
      target: { apiVersion: "v1", kind: "Node", name: node },
    };
    try {
      await client.createAt(pods, { namespace, name, subresource: "binding" }, binding, signal);
      this.#backoff.succeed(key);
      const message = `Successfully assigned ${key} to ${node}`;
      events.record(pods, pod, { type: "Normal", reason: "Scheduled", message });
    } catch (error) {
      this.#cluster.removePod(pod);
      if (signal.aborted || isStatus(error, "NotFound")) return;
      this.#later?.add(key, this.#backoff.fail(key));
      log.error("pod not bound", { pod: key, node, error: error as Error });
    } finally {
      this.#wake?.();
    }
  }

  /** Says on the pod and in an event why it has no node. */
  async #tell(pod: Pod, message: string, signal: AbortSignal): Promise<void> {
    const { client, clock, events } = this.#options;
    events.record(pods, pod, { type: "Warning", reason: "FailedScheduling", message });
    const present = pod.status?.conditions?.find((it) => it.type === "PodScheduled");
    if (present?.status === "False" && present.message === message) return;
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastProbeTime: null,
      lastTransitionTime: present?.lastTransitionTime ?? formatTime(clock.now()),
    };
    const at = { namespace: namespaceOf(pod), name: nameOf(pod), subresource: "status" };
    const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
    try {
      await client.patch(pods, at, { type: "strategic", body }, signal);
    } catch (error) {
      // Deleted, or made anew under its name: nobody needs to know.
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    } finally {
      this.#wake?.();
    }
  }

  #enqueue(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined || !isOurs(pod, this.#options.name)) return;
    this.#unschedulable.delete(key);
    this.#queue.add(key, pod.spec?.priority ?? 0);
    this.#wake?.();
  }

  #podChanged({ key, previous, current }: Change<Pod>): void {
    // Deleted and made anew between two looks: the old one no longer counts.
    if (previous !== undefined && previous.metadata?.uid !== current?.metadata?.uid) {
      this.#podGone(key, previous);
    }
    if (current === undefined) return;
    if (hasEnded(current)) this.#podGone(key, current);
    else this.#podThere(key, previous, current);
  }

  #podThere(key: string, previous: Pod | undefined, current: Pod): void {
    const node = current.spec?.nodeName ?? "";
    const counted = this.#cluster.nodeOf(current);
    if (node === "") {
      if (counted === undefined && this.#isWorthATry(key, previous, current)) this.#enqueue(key);
    } else if (counted !== node) {
      this.#cluster.setPod(current, node);
      this.#retryUnschedulable();
    }
  }

  #isWorthATry(key: string, previous: Pod | undefined, current: Pod): boolean {
    if (previous === undefined || !this.#unschedulable.has(key)) return true;
    return changedInFavour(previous, current);
  }

  #podGone(key: string, pod: Pod): void {
    this.#cluster.removePod(pod);
    this.#unschedulable.delete(key);
    this.#backoff.succeed(key);
    if ((pod.spec?.nodeName ?? "") !== "") this.#retryUnschedulable();
  }

  #nodeChanged({ key, previous, current }: Change<Node>): void {
    if (current === undefined) {
      this.#cluster.removeNode(key, this.#pods.byIndex("node", key));
      return;
    }
    // Most changes of a node are heartbeats.
    if (previous !== undefined && sameForScheduling(previous, current)) return;
    this.#cluster.setNode(current);
    this.#retryUnschedulable();
  }

  /** Pods that wait for the claim need wait no longer. */
  #claimChanged(key: string): void {
    for (const pod of this.#pods.byIndex("claim", key)) {
      if (this.#unschedulable.has(keyOf(pod))) this.#enqueue(keyOf(pod));
    }
  }

  /** A volume or a class is new, or free: pods with claims that found no node are tried again. */
  #storageChanged(): void {
    for (const key of this.#unschedulable) {
      const pod = this.#pods.get(key);
      if (pod === undefined || claimKeysOf(pod).length === 0) continue;
      this.#unschedulable.delete(key);
      this.#later?.add(key, this.#backoff.fail(key));
    }
  }

  /** Something changed that may make room: each waits its back-off and is tried again. */
  #retryUnschedulable(): void {
    for (const key of this.#unschedulable) {
      this.#unschedulable.delete(key);
      this.#later?.add(key, this.#backoff.fail(key));
    }
  }
}
