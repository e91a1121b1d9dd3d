import type { DaemonSet, DaemonSetStatus, Node, Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { revisionLabel } from "#controllers/history/history.ts";
import { isAvailable, isFinished, isReady } from "#controllers/pods/readiness.ts";
import { shareOf } from "#controllers/share.ts";
import { fitOf, nodeOfPod, type Fit } from "./fit.ts";

export interface DaemonSetPlan {
  /** Names of nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Those of `remove` that have failed. */
  readonly failed: readonly Pod[];
  readonly status: Omit<DaemonSetStatus, "observedGeneration" | "collisionCount">;
  /** When a failed pod may be replaced; undefined when none waits. */
  readonly afterMs: number | undefined;
}

/** A pod that fails at once is not made anew at once. */
const failedWaitMs = 10_000;

interface Place {
  readonly node: string;
  readonly fit: Fit;
  /** Those that have not ended, the oldest first. */
  readonly living: readonly Pod[];
  readonly going: readonly Pod[];
}

interface Rules {
  readonly hash: string;
  readonly now: number;
  readonly minReadySeconds: number;
}

/**
 * The next step towards one pod on every node that is to have one.
 * Upstream: `manage` and `rollingUpdate` of `pkg/controller/daemon`.
 * @param hash of the present template, as pods made from it are labelled.
 */
export function planDaemonSet(
  set: DaemonSet,
  it: { readonly nodes: readonly Node[]; readonly pods: readonly Pod[]; readonly hash: string },
  now: number,
): DaemonSetPlan {
  const rules = { hash: it.hash, now, minReadySeconds: set.spec?.minReadySeconds ?? 0 };
  const failed = it.pods.filter((pod) => isFinished(pod) && !isDeleting(pod));
  const late = failed.filter((pod) => ageMs(pod, now) >= failedWaitMs);
  const waiting = new Set(failed.filter((pod) => !late.includes(pod)).map(nodeOfPod));
  const places = placesOf(set, it.nodes, it.pods);
  const known = new Set(it.nodes.map(nameOf));
  const lost = it.pods.filter(
    (pod) => !known.has(nodeOfPod(pod)) && pod.spec?.nodeName === undefined,
  );
  const managed = places.map((place) => manage(place, set, rules));
  const rolled = roll(set, places, rules);
  const create = [...managed.flatMap((step) => step.create), ...rolled.create];
  const remove = [...managed.flatMap((step) => step.remove), ...rolled.remove, ...late, ...lost];
  return {
    create: [...new Set(create)].filter((node) => !waiting.has(node)),
    remove: [...new Set(remove)].filter((pod) => !isDeleting(pod)),
    failed: late,
    status: statusOf(places, rules),
    afterMs: waiting.size === 0 ? undefined : failedWaitMs,
  };
}

function ageMs(pod: Pod, now: number): number {
  return now - (parseTime(pod.metadata?.creationTimestamp ?? "") ?? 0);
}

function placesOf(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): Place[] {
  const byNode = Map.groupBy(pods, nodeOfPod);
  return nodes.map((node) => {
    const own = (byNode.get(nameOf(node)) ?? []).filter((pod) => !isFinished(pod));
    const byAge = own.toSorted((a, b) =>
      (a.metadata?.creationTimestamp ?? "").localeCompare(b.metadata?.creationTimestamp ?? ""),
    );
    return {
      node: nameOf(node),
      fit: fitOf(set, node),
      living: byAge.filter((pod) => !isDeleting(pod)),
      going: byAge.filter(isDeleting),
    };
  });
}

interface Step {
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

/** What a node lacks, and what it has too much; replacing is not its business. */
function manage({ node, fit, living, going }: Place, set: DaemonSet, rules: Rules): Step {
  if (!fit.mayStay) return { create: [], remove: living };
  if (!fit.shouldRun) return { create: [], remove: [] };
  if (living.length === 0) {
    // With a surge a new one starts while the old one goes, else after it.
    const isFree = going.length === 0 || maxSurge(set, 1) > 0;
    return { create: isFree ? [node] : [], remove: [] };
  }
  const [old, fresh] = split(living, rules.hash);
  return { create: [], remove: [...old.slice(1), ...fresh.slice(1)] };
}

function split(pods: readonly Pod[], hash: string): readonly [old: Pod[], fresh: Pod[]] {
  return [pods.filter((it) => !isOf(it, hash)), pods.filter((it) => isOf(it, hash))];
}

export function isOf(pod: Pod, hash: string): boolean {
  return pod.metadata?.labels?.[revisionLabel] === hash;
}

function roll(set: DaemonSet, places: readonly Place[], rules: Rules): Step {
  if ((set.spec?.updateStrategy?.type ?? "RollingUpdate") !== "RollingUpdate") {
    return { create: [], remove: [] };
  }
  const wanted = places.filter((it) => it.fit.shouldRun);
  const surge = maxSurge(set, wanted.length);
  return surge > 0 ? rollBySurge(wanted, surge, rules) : rollInPlace(set, wanted, rules);
}

/** Old pods that serve nobody go first, others as far as enough stay. */
function rollInPlace(set: DaemonSet, places: readonly Place[], rules: Rules): Step {
  const isUp = (pod: Pod): boolean => isAvailable(pod, rules.minReadySeconds, rules.now);
  const remove: Pod[] = [];
  let unavailable = places.filter((it) => !it.living.some(isUp)).length;
  const budget = maxUnavailable(set, places.length);
  for (const { living } of places) {
    const [old] = split(living, rules.hash);
    for (const pod of old) if (!isUp(pod)) remove.push(pod);
  }
  for (const { living } of places) {
    const [old] = split(living, rules.hash);
    const pod = old.find(isUp);
    if (pod === undefined || unavailable >= budget) continue;
    unavailable += 1;
    remove.push(pod);
  }
  return { create: [], remove };
}

/** A new pod beside the old one, which goes when the new one serves. */
function rollBySurge(places: readonly Place[], surge: number, rules: Rules): Step {
  const isUp = (pod: Pod): boolean => isAvailable(pod, rules.minReadySeconds, rules.now);
  const create: string[] = [];
  const remove: Pod[] = [];
  let surging = places.filter(({ living }) => {
    const [old, fresh] = split(living, rules.hash);
    return old.length > 0 && fresh.length > 0;
  }).length;
  for (const { node, living } of places) {
    const [old, fresh] = split(living, rules.hash);
    if (old.length === 0) continue;
    if (fresh.some(isUp) || (fresh.length > 0 && !old.some(isUp))) remove.push(...old);
    else if (fresh.length === 0 && surging < surge) {
      surging += 1;
      create.push(node);
    }
  }
  return { create, remove };
}

function maxSurge({ spec }: DaemonSet, count: number): number {
  return shareOf(spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0, count, Math.ceil);
}

function maxUnavailable({ spec }: DaemonSet, count: number): number {
  return shareOf(spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, count, Math.ceil);
}

function statusOf(
  places: readonly Place[],
  { hash, now, minReadySeconds }: Rules,
): DaemonSetPlan["status"] {
  const wanted = places.filter((it) => it.fit.shouldRun);
  const has = (test: (pod: Pod) => boolean): number =>
    wanted.filter(({ living }) => living.some(test)).length;
  const numberAvailable = has((pod) => isAvailable(pod, minReadySeconds, now));
  return {
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: has(() => true),
    numberMisscheduled: places.filter((it) => !it.fit.shouldRun && it.living.length > 0).length,
    numberReady: has(isReady),
    updatedNumberScheduled: has((pod) => isOf(pod, hash)),
    numberAvailable,
    numberUnavailable: wanted.length - numberAvailable,
  };
}
