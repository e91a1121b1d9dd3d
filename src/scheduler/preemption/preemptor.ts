import type { Pod, PodDisruptionBudget } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Informer } from "#client/informer.ts";
import { joinKey, uidOf } from "#client/object-key.ts";
import { priorityOf, type Cluster, type Incoming } from "#scheduler/cluster.ts";
import type { SchedulerMetrics } from "#scheduler/metrics.ts";
import type { Refusal } from "#scheduler/plan.ts";
import { ineligible } from "./eligible.ts";

export interface PreemptorOptions {
  readonly cluster: Cluster;
  readonly pods: Informer<Pod>;
  readonly budgets: Informer<PodDisruptionBudget>;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: SchedulerMetrics;
}

/** What becomes of a pod that found no node. */
export type Outcome =
  /** It has room promised where the victims go now, which `displaced` pods no longer have. */
  | {
      readonly kind: "preempts";
      readonly node: string;
      readonly victims: readonly Pod[];
      readonly displaced: readonly Pod[];
    }
  /** It waits; `why` is upstream's word for it. */
  | { readonly kind: "waits"; readonly why: string; readonly keepsNomination: boolean };

/** Decides whether others go for a pod, and promises it their room. Does no I/O. */
export class Preemptor {
  readonly #options: PreemptorOptions;

  constructor(options: PreemptorOptions) {
    this.#options = options;
  }

  /** @param refusal why the pod found no node. */
  decide(incoming: Incoming, refusal: Refusal): Outcome {
    const { cluster, random, budgets, metrics } = this.#options;
    const { pod } = incoming;
    metrics.preemptionTried();
    const why = ineligible(pod, this.#nominated(pod, refusal));
    if (why !== undefined) return { kind: "waits", why, keepsNomination: true };
    const facts = {
      budgets: budgets.list(),
      startedAtMs: (it: { readonly namespace: string; readonly name: string }) =>
        this.#startedAtMs(this.#options.pods.get(joinKey(it.namespace, it.name))),
    };
    const plan = cluster.planPreemption(incoming, refusal, facts, random);
    if (plan.kind === "hopeless") {
      return { kind: "waits", why: plan.message, keepsNomination: false };
    }
    const { node } = plan;
    const displaced = cluster.nominations.on(node).filter((it) => it.priority < priorityOf(pod));
    for (const { uid } of displaced) cluster.nominations.remove(uid);
    cluster.nominate(pod, node);
    metrics.preempted(plan.victims.length);
    const [victims, others] = [this.#podsOf(plan.victims), this.#podsOf(displaced)];
    return { kind: "preempts", node, victims, displaced: others };
  }

  /** Follows what the pod's status says of promised room, which others may change, too. */
  follow(previous: Pod | undefined, current: Pod): void {
    const { nominations } = this.#options.cluster;
    const before = previous?.status?.nominatedNodeName ?? "";
    const now = current.status?.nominatedNodeName ?? "";
    // Where it did not change, a promise that is not written yet stays.
    if (before === now) return;
    if (now === "") nominations.remove(uidOf(current));
    else this.#options.cluster.nominate(current, now);
  }

  #nominated(pod: Pod, refusal: Refusal): Parameters<typeof ineligible>[1] {
    const { cluster } = this.#options;
    const node = cluster.nominations.nodeOf(uidOf(pod));
    if (node === undefined) return { isHopeful: false, lesserPods: [] };
    const isHopeful = refusal.crowded.some((slot) => cluster.isIn(slot, node));
    return { isHopeful, lesserPods: this.#podsOf(cluster.lesserPodsOn(node, pod)) };
  }

  #podsOf(
    placed: readonly { readonly uid: string; readonly namespace: string; readonly name: string }[],
  ): Pod[] {
    return placed.flatMap(({ uid, namespace, name }) => {
      const pod = this.#options.pods.get(joinKey(namespace, name));
      return pod !== undefined && uidOf(pod) === uid ? [pod] : [];
    });
  }

  #startedAtMs(pod: Pod | undefined): number {
    return parseTime(pod?.status?.startTime ?? "") ?? this.#options.clock.now();
  }
}
