import type { Node, Pod } from "#api/gen/types.ts";
import { matchesLabels } from "#api/selector/label.ts";
import type { SelectedNode } from "#api/selector/node.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { nextTurn } from "#base/turn.ts";
import type { Change } from "#client/cache.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { namespaces, nodes, podDisruptionBudgets, pods } from "#client/kinds.ts";
import { joinKey, keyOf, namespaceOf, nameOf, uidOf } from "#client/object-key.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { Cluster, priorityOf, type Incoming } from "./cluster.ts";
import { SchedulerMetrics, type SchedulerSizes } from "./metrics.ts";
import type { Placement, Refusal } from "./plan.ts";
import { writeWaiting, type WaitingStatus } from "./pod-status.ts";
import { clearNomination, evictVictims, type Execution } from "./preemption/executor.ts";
import { Preemptor, type Outcome } from "./preemption/preemptor.ts";
import {
  changedInFavour,
  changedOnNode,
  hasEnded,
  isGated,
  isOurs,
  sameForScheduling,
  waitsForNode,
} from "./relevance.ts";
import { claimKeysOf, VolumeBinder, type Reservation } from "./volume-binder.ts";
import { volumeFault, type PodVolumes } from "./volume-rules.ts";
import { WaitingPods } from "./waiting-pods.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricRegistry;
  /** Pods with this `spec.schedulerName` are ours. */
  readonly name: string;
}

/** Bindings on their way at the same time, at most. */
const bindingsMax = 100;
/** Decisions made before others in the process get their turn. */
const decisionsPerTurn = 20;

/**
 * Gives each pending pod a node. It counts a pod on its node from the moment of the decision, so
 * that the next decision need not wait for the binding to be stored.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cluster: Cluster;
  readonly #metrics: SchedulerMetrics;
  readonly #waiting: WaitingPods;
  readonly #tasks: TaskGroup;
  /** Pods whose volumes are being bound; bounded by the pods that the nodes take. */
  readonly #waits: TaskGroup;
  readonly #volumes: VolumeBinder;
  readonly #preemptor: Preemptor;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  #wake: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    const { informers, log, clock } = options;
    this.#options = options;
    this.#pods = informers.of(pods);
    const metrics = new SchedulerMetrics(options.metrics, options.name);
    this.#metrics = metrics;
    this.#waiting = new WaitingPods({
      clock,
      metrics,
      priorityOf: (key) => {
        const pod = this.#pods.get(key);
        return pod !== undefined && isOurs(pod, options.name) ? priorityOf(pod) : undefined;
      },
      wake: () => this.#wake?.(),
    });
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
    const budgets = informers.of(podDisruptionBudgets);
    this.#preemptor = new Preemptor({
      ...options,
      metrics,
      cluster: this.#cluster,
      pods: this.#pods,
      budgets,
    });
  }

  /** Schedules until the signal aborts, then waits for the bindings under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { informers } = this.#options;
    await Promise.all([
      this.#nodes.synced(signal),
      this.#pods.synced(signal),
      this.#volumes.synced(signal),
      informers.of(namespaces).synced(signal),
      informers.of(podDisruptionBudgets).synced(signal),
    ]);
    this.#waiting.start(signal);
    const leave = [
      this.#metrics.show(this.#sizes()),
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
      const key = this.#tasks.size < bindingsMax ? this.#waiting.take() : undefined;
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
    const { clock } = this.#options;
    const sinceMs = clock.monotonic();
    this.#waiting.attempted(key);
    const shape = this.#cluster.shapeOf(pod);
    const volumes = this.#volumes.of(pod);
    const incoming = { pod, shape, volumeFault: this.#volumeFault(pod, volumes) };
    const placement = this.#place(incoming, volumes);
    this.#metrics.decided(clock.monotonic() - sinceMs);
    if (placement.kind === "unschedulable") {
      this.#refused(key, incoming, placement);
      this.#metrics.attempted("unschedulable", clock.monotonic() - sinceMs);
      return;
    }
    const { node } = placement;
    this.#cluster.nominations.remove(uidOf(pod));
    this.#cluster.setPod(pod, node, shape);
    if (volumes.kind === "rules" && volumes.rules.unbound.length > 0) {
      const reservation = this.#volumes.reserve(volumes.rules, this.#nodeFacts(node));
      this.#waits.start(async (signal) => {
        await this.#bindVolumes({ key, pod, sinceMs }, reservation, signal);
      });
      return;
    }
    this.#tasks.start(async (signal) => {
      await this.#bind({ key, pod, sinceMs }, node, signal);
    });
  }

  #place(incoming: Incoming, volumes: PodVolumes): Placement {
    if (volumes.kind !== "refused") return this.#cluster.place(incoming, this.#options.random);
    const message = `0/${this.#cluster.nodes} nodes are available: ${volumes.message}.`;
    return { kind: "unschedulable", message, crowded: [], plugins: new Set(["VolumeBinding"]) };
  }

  #volumeFault(pod: Pod, volumes: PodVolumes): Incoming["volumeFault"] {
    if (volumes.kind !== "rules") return undefined;
    const { view } = this.#volumes;
    // Looked at anew where victims are tried out: one of them may have the claim for itself.
    const rules = volumes.rules.isExcluded
      ? () => this.#volumes.of(pod)
      : (): PodVolumes => volumes;
    return (node) => {
      const now = rules();
      return now.kind === "rules" ? volumeFault(now.rules, node, view) : undefined;
    };
  }

  /** Found no node: makes others go for it if it may, and says why it waits. */
  #refused(key: string, incoming: Incoming, refusal: Refusal): void {
    const { pod } = incoming;
    const { nominations } = this.#cluster;
    this.#waiting.refuse(key, refusal.plugins);
    const outcome = this.#preemptor.decide(incoming, refusal);
    if (outcome.kind === "preempts") {
      const { message } = refusal;
      this.#waiting.hold(key);
      this.#tasks.start(async (signal) => {
        await this.#preempt(key, { preemptor: pod, ...outcome, message }, signal);
      });
      return;
    }
    const nominatedNode = outcome.keepsNomination ? undefined : "";
    if (nominatedNode !== undefined && nominations.nodeOf(uidOf(pod)) !== undefined) {
      nominations.remove(uidOf(pod));
      this.#waiting.retryAll("UnschedulablePodUpdate");
    }
    const message = `${refusal.message} preemption: ${outcome.why}`;
    this.#tasks.start(async (signal) => {
      await this.#tell(pod, { message, nominatedNode }, signal);
    });
  }

  async #preempt(
    key: string,
    execution: Execution & Extract<Outcome, { kind: "preempts" }> & { readonly message: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { preemptor, node, victims, displaced, message } = execution;
    const { log } = this.#options;
    log.info("preempting", { pod: key, node, victims: victims.map(keyOf).join(" ") });
    try {
      // Promised first: should this process end before all victims are gone, the next one knows.
      await this.#tell(preemptor, { message, nominatedNode: node }, signal);
      await this.#displace(displaced, signal);
      await evictVictims(execution, this.#options, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.error("preemption failed", { pod: key, node, error: error as Error });
      this.#waiting.retry(key, "ForceActivate");
    } finally {
      this.#waiting.release(key);
      this.#wake?.();
    }
  }

  /** Pods whose promised room somebody more important takes look for another node. */
  async #displace(displaced: readonly Pod[], signal: AbortSignal): Promise<void> {
    for (const pod of displaced) {
      await clearNomination(pod, this.#options.client, signal);
      this.#waiting.retry(keyOf(pod), "UnschedulablePodUpdate");
    }
  }

  #nodeFacts(node: string): SelectedNode {
    return this.#cluster.factsOf(node) ?? { name: node, labels: {} };
  }

  /** Waits for the volumes beside the bindings: a provisioner may take minutes. */
  async #bindVolumes(
    attempt: Attempt,
    reservation: Reservation,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, log } = this.#options;
    const { key, pod } = attempt;
    const { node } = reservation;
    try {
      await this.#volumes.bind(reservation, signal);
    } catch (error) {
      if (!this.#failed(attempt, signal)) return;
      // Somebody else wrote first: the next look decides anew.
      if (isStatus(error, "Conflict")) return;
      const message = `running PreBind plugin "VolumeBinding": ${describeError(error)}`;
      events.record(pods, pod, { type: "Warning", reason: "FailedScheduling", message });
      log.info("volumes not bound", { pod: key, node, why: describeError(error) });
      return;
    } finally {
      this.#volumes.release(reservation);
    }
    await this.#bind(attempt, node, signal);
  }

  async #bind(attempt: Attempt, node: string, signal: AbortSignal): Promise<void> {
    const { client, clock, events, log } = this.#options;
    const { key, pod, sinceMs } = attempt;
    const [namespace, name] = [namespaceOf(pod), nameOf(pod)];
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name, namespace, uid: uidOf(pod) },
      target: { apiVersion: "v1", kind: "Node", name: node },
    };
    try {
      await client.createAt(pods, { namespace, name, subresource: "binding" }, binding, signal);
      this.#waiting.bound(key);
      this.#metrics.attempted("scheduled", clock.monotonic() - sinceMs);
      const message = `Successfully assigned ${key} to ${node}`;
      events.record(pods, pod, { type: "Normal", reason: "Scheduled", message });
    } catch (error) {
      if (isStatus(error, "NotFound")) this.#cluster.removePod(pod);
      else if (this.#failed(attempt, signal)) {
        log.error("pod not bound", { pod: key, node, error: error as Error });
      }
    } finally {
      this.#wake?.();
    }
  }

  /** The pod is not on its node after all, and is tried again. False: the scheduler stops. */
  #failed({ key, pod, sinceMs }: Attempt, signal: AbortSignal): boolean {
    this.#cluster.removePod(pod);
    if (signal.aborted) return false;
    this.#metrics.attempted("error", this.#options.clock.monotonic() - sinceMs);
    this.#waiting.fail(key);
    // What its status promises still holds.
    const latest = this.#pods.get(key);
    if (latest !== undefined && waitsForNode(latest)) this.#preemptor.follow(undefined, latest);
    return true;
  }

  /** Says on the pod and in an event why it has no node. */
  async #tell(pod: Pod, status: WaitingStatus, signal: AbortSignal): Promise<void> {
    const { message } = status;
    const reason = "FailedScheduling";
    this.#options.events.record(pods, pod, { type: "Warning", reason, message });
    try {
      await writeWaiting(pod, status, this.#options, signal);
    } finally {
      this.#wake?.();
    }
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
    if (node !== "") {
      const isSame = previous !== undefined && !changedOnNode(previous, current);
      if (counted === node && isSame) return;
      this.#cluster.nominations.remove(uidOf(current));
      this.#cluster.setPod(current, node);
      if (counted === undefined) this.#waiting.forget(key);
      this.#waiting.retryAll(counted === undefined ? "AssignedPodAdd" : "AssignedPodUpdate");
    } else if (counted === undefined) {
      if (isOurs(current, this.#options.name)) this.#preemptor.follow(previous, current);
      const event = previous === undefined ? "UnschedulablePodAdd" : "UnschedulablePodUpdate";
      if (this.#isWorthATry(key, previous, current)) this.#waiting.add(key, event);
    }
  }

  #isWorthATry(key: string, previous: Pod | undefined, current: Pod): boolean {
    if (previous === undefined || !this.#waiting.refused.has(key)) return true;
    return changedInFavour(previous, current);
  }

  #podGone(key: string, pod: Pod): void {
    const { nominations } = this.#cluster;
    const node = this.#cluster.nodeOf(pod) ?? nominations.nodeOf(uidOf(pod));
    nominations.remove(uidOf(pod));
    this.#cluster.removePod(pod);
    this.#waiting.forget(key);
    if (node === undefined) return;
    // Who has room promised there has waited for this.
    for (const it of nominations.on(node)) {
      this.#waiting.add(joinKey(it.namespace, it.name), "AssignedPodDelete");
    }
    this.#waiting.retryAll("AssignedPodDelete");
  }

  #nodeChanged({ key, previous, current }: Change<Node>): void {
    if (current === undefined) {
      this.#cluster.removeNode(key, this.#pods.byIndex("node", key));
      return;
    }
    // Most changes of a node are heartbeats.
    if (previous !== undefined && sameForScheduling(previous, current)) return;
    this.#cluster.setNode(current);
    this.#waiting.retryAll(previous === undefined ? "NodeAdd" : "NodeUpdate");
  }

  /** Pods that wait for the claim need wait no longer. */
  #claimChanged(key: string): void {
    for (const pod of this.#pods.byIndex("claim", key)) {
      if (!this.#waiting.refused.has(keyOf(pod))) continue;
      this.#waiting.add(keyOf(pod), "PersistentVolumeClaimUpdate");
    }
  }

  /** A volume or a class is new, or free: pods with claims that found no node are tried again. */
  #storageChanged(): void {
    for (const key of [...this.#waiting.refused.keys()]) {
      const pod = this.#pods.get(key);
      if (pod !== undefined && claimKeysOf(pod).length > 0) {
        this.#waiting.retry(key, "PersistentVolumeUpdate");
      }
    }
  }

  #sizes(): SchedulerSizes {
    const [cluster, waiting, tasks, all] = [this.#cluster, this.#waiting, this.#tasks, this.#pods];
    return {
      pending: () => ({
        active: waiting.active,
        backoff: waiting.backingOff,
        gated: all.list().filter((it) => isGated(it, this.#options.name)).length,
        unschedulable: waiting.refused.size,
      }),
      refusedBy: () => countPlugins(waiting.refused.values()),
      get nodes() {
        return cluster.nodes;
      },
      get pods() {
        return cluster.pods;
      },
      get assumedPods() {
        const unbound = all.list().filter((it) => (it.spec?.nodeName ?? "") === "");
        return unbound.filter((it) => cluster.nodeOf(it) !== undefined).length;
      },
      get bindings() {
        return tasks.size;
      },
    };
  }
}

/** One look for a node, and what comes of it. */
interface Attempt {
  readonly key: string;
  readonly pod: Pod;
  readonly sinceMs: number;
}

function countPlugins(
  refused: Iterable<{ readonly plugins: ReadonlySet<string> }>,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { plugins } of refused) {
    for (const it of plugins) counts.set(it, (counts.get(it) ?? 0) + 1);
  }
  return counts;
}
