import type { Pod, StatefulSet } from "#api/gen/types.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { revisionLabel } from "#controllers/history/history.ts";
import { isAvailable, isFinished, isReady } from "#controllers/pods/readiness.ts";
import { shareOf } from "#controllers/share.ts";

/** Names of the two revisions that pods may have. */
export interface Revisions {
  readonly current: string;
  readonly update: string;
}

export interface StatefulSetPlan {
  readonly create: readonly NewReplica[];
  readonly remove: readonly Pod[];
  /** Those of `remove` that are too many: their claims may go with them. */
  readonly condemned: readonly Pod[];
  readonly counts: Counts;
  /** All replicas are of the new revision: it is the current one from now on. */
  readonly isComplete: boolean;
}

export interface NewReplica {
  readonly ordinal: number;
  readonly revision: string;
}

export interface Counts {
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly currentReplicas: number;
  readonly updatedReplicas: number;
}

/** The ordinal in a pod's name; undefined when it is no name of the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${nameOf(set)}-`;
  const text = nameOf(pod).startsWith(prefix) ? nameOf(pod).slice(prefix.length) : "";
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/**
 * The next step towards what the set asks for.
 * Upstream: `updateStatefulSet` of `pkg/controller/statefulset/stateful_set_control.go`.
 */
export function planStatefulSet(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: Revisions,
  now: number,
): StatefulSetPlan {
  const isHealthy = (pod: Pod): boolean =>
    !isDeleting(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
  const places = placesOf(set, pods);
  const counts = countsOf(set, pods, revisions, now);
  const step = nextStep(set, places, { revisions, isHealthy });
  const desired = set.spec?.replicas ?? 1;
  const isComplete =
    (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate" &&
    counts.updatedReplicas === desired &&
    counts.replicas === desired &&
    counts.readyReplicas === desired;
  return { create: [], remove: [], condemned: [], ...step, counts, isComplete };
}

interface Places {
  /** By their place, first ordinal first; undefined where a pod is missing. */
  readonly replicas: readonly { readonly ordinal: number; readonly pod: Pod | undefined }[];
  /** Beyond the last ordinal, the highest first. */
  readonly condemned: readonly Pod[];
}

function placesOf(set: StatefulSet, pods: readonly Pod[]): Places {
  const start = set.spec?.ordinals?.start ?? 0;
  const end = start + (set.spec?.replicas ?? 1);
  const byOrdinal = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const replicas = Array.from({ length: end - start }, (_, index) => ({
    ordinal: start + index,
    pod: byOrdinal.get(start + index),
  }));
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  return { replicas, condemned };
}

interface Rules {
  readonly revisions: Revisions;
  readonly isHealthy: (pod: Pod) => boolean;
}

type Step = Partial<Pick<StatefulSetPlan, "create" | "remove" | "condemned">>;

function nextStep(set: StatefulSet, places: Places, rules: Rules): Step {
  const isOrdered = set.spec?.podManagementPolicy !== "Parallel";
  const filled = isOrdered ? fillInOrder(set, places, rules) : fillAtOnce(set, places, rules);
  if (filled !== undefined) return filled;
  const shrunk = shrink(places, isOrdered, rules);
  if (shrunk !== undefined) return shrunk;
  return roll(set, places, rules);
}

/** Each replica waits for the one before; undefined when all are there and well. */
function fillInOrder(set: StatefulSet, { replicas }: Places, rules: Rules): Step | undefined {
  for (const { ordinal, pod } of replicas) {
    if (pod === undefined) {
      return { create: [{ ordinal, revision: revisionFor(set, ordinal, rules) }] };
    }
    if (isDeleting(pod)) return {};
    if (isFinished(pod)) return { remove: [pod] };
    if (!rules.isHealthy(pod)) return {};
  }
  return undefined;
}

function fillAtOnce(set: StatefulSet, { replicas }: Places, rules: Rules): Step | undefined {
  const create = replicas
    .filter((it) => it.pod === undefined)
    .map(({ ordinal }) => ({ ordinal, revision: revisionFor(set, ordinal, rules) }));
  const remove = replicas.flatMap(({ pod }) =>
    pod !== undefined && isFinished(pod) && !isDeleting(pod) ? [pod] : [],
  );
  return create.length + remove.length === 0 ? undefined : { create, remove };
}

/**
 * One at a time from the highest, or all at once. One by one, a pod that is not well stays until those
 * before it are, so that what is left of a broken set is not taken apart further.
 */
function shrink({ condemned }: Places, isOrdered: boolean, rules: Rules): Step | undefined {
  if (condemned.length === 0) return undefined;
  const standing = condemned.filter((it) => !isDeleting(it));
  if (!isOrdered) return { remove: standing, condemned: standing };
  const [first] = condemned;
  if (first === undefined || isDeleting(first)) return {};
  const lowestUnwell = condemned.findLast((it) => !rules.isHealthy(it));
  const waits = !rules.isHealthy(first) && !isFinished(first) && first !== lowestUnwell;
  if (waits) return {};
  return { remove: [first], condemned: [first] };
}

/**
 * Replaces pods of an old revision, from the highest down to the partition: one, or as many as may be
 * away at a time where the set says so (upstream's feature `MaxUnavailableStatefulSet`).
 */
function roll(set: StatefulSet, { replicas }: Places, rules: Rules): Step {
  const first = firstUpdated(set);
  if (first === undefined) return {};
  const { maxUnavailable } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  if (maxUnavailable !== undefined) {
    const away = replicas.filter(({ pod }) => pod === undefined || !rules.isHealthy(pod)).length;
    const most = Math.max(1, shareOf(maxUnavailable, set.spec?.replicas ?? 1, Math.floor));
    const old = replicas.toReversed().flatMap(({ ordinal, pod }) => {
      if (pod === undefined || ordinal < first || isDeleting(pod)) return [];
      return revisionOf(pod) === rules.revisions.update ? [] : [pod];
    });
    return { remove: old.slice(0, Math.max(0, most - away)) };
  }
  for (const { ordinal, pod } of replicas.toReversed()) {
    if (pod === undefined || ordinal < first) continue;
    if (isDeleting(pod)) return {};
    if (revisionOf(pod) !== rules.revisions.update) return { remove: [pod] };
    if (!rules.isHealthy(pod)) return {};
  }
  return {};
}

/** The ordinal from which on pods are updated by themselves; undefined when none is. */
function firstUpdated({ spec }: StatefulSet): number | undefined {
  const { type = "RollingUpdate", rollingUpdate } = spec?.updateStrategy ?? {};
  if (type !== "RollingUpdate") return undefined;
  return (spec?.ordinals?.start ?? 0) + (rollingUpdate?.partition ?? 0);
}

/** Below the partition pods stay what they are, and come back as that. */
function revisionFor(set: StatefulSet, ordinal: number, { revisions }: Rules): string {
  return ordinal < (firstUpdated(set) ?? 0) ? revisions.current : revisions.update;
}

export function revisionOf(pod: Pod): string {
  return pod.metadata?.labels?.[revisionLabel] ?? "";
}

function countsOf(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: Revisions,
  now: number,
): Counts {
  const own = pods.filter((it) => ordinalOf(set, it) !== undefined && !isFinished(it));
  const living = own.filter((it) => !isDeleting(it));
  const minReady = set.spec?.minReadySeconds ?? 0;
  return {
    replicas: own.length,
    readyReplicas: own.filter(isReady).length,
    availableReplicas: own.filter((it) => isAvailable(it, minReady, now)).length,
    currentReplicas: living.filter((it) => revisionOf(it) === revisions.current).length,
    updatedReplicas: living.filter((it) => revisionOf(it) === revisions.update).length,
  };
}
