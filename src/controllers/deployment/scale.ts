import type { Deployment, ReplicaSet } from "#api/gen/types.ts";
import type { Bounds } from "./bounds.ts";
import {
  availableOf,
  integerAnnotation,
  isSaturated,
  maxAnnotation,
  replicasOf,
  totalReplicas,
  type ReplicaSets,
} from "./replica-set-view.ts";

/** A ReplicaSet and the size it is to have. */
export interface Resize {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

/** One step of a rolling update: first the new ReplicaSet grows, then the old ones shrink. */
export function rollingStep(bounds: Bounds, sets: ReplicaSets): Resize[] {
  const grown = growCurrent(bounds, sets);
  return grown.length > 0 ? grown : shrinkOld(bounds, sets);
}

/** The current ReplicaSet at the size that the surge allows; nothing when it has it. */
export function growCurrent(bounds: Bounds, { current, all }: ReplicaSets): Resize[] {
  if (current === undefined) return [];
  const replicas = Math.min(bounds.desired, replicasOf(current) + room(bounds, all));
  return replicas === replicasOf(current) ? [] : [{ replicaSet: current, replicas }];
}

/** Pods that may be added now. */
export function room(bounds: Bounds, all: readonly ReplicaSet[]): number {
  if (!bounds.isRolling) return bounds.desired;
  return Math.max(0, bounds.desired + bounds.maxSurge - totalReplicas(all));
}

function shrinkOld(bounds: Bounds, { current, old, all }: ReplicaSets): Resize[] {
  const minAvailable = bounds.desired - bounds.maxUnavailable;
  const notYetAvailable = replicasOf(current) - availableOf(current);
  const sizes = new Map(old.map((it) => [it, replicasOf(it)]));
  const removable = totalReplicas(all) - minAvailable - notYetAvailable;
  if (totalReplicas(old) === 0 || removable <= 0) return [];
  // Replicas that are not available anyway go first: they cost nothing.
  let unhealthy = removable;
  for (const replicaSet of old) {
    const size = sizes.get(replicaSet) ?? 0;
    const gone = Math.max(0, Math.min(unhealthy, size - availableOf(replicaSet)));
    sizes.set(replicaSet, size - gone);
    unhealthy -= gone;
  }
  const available = all.reduce((sum, it) => sum + availableOf(it), 0);
  let left = Math.max(0, available - minAvailable);
  for (const replicaSet of old) {
    const size = sizes.get(replicaSet) ?? 0;
    const gone = Math.min(left, size);
    sizes.set(replicaSet, size - gone);
    left -= gone;
  }
  return changes(sizes);
}

/** All old ReplicaSets at zero, for `Recreate`. */
export function stopOld({ old }: ReplicaSets): Resize[] {
  return changes(new Map(old.map((it) => [it, 0])));
}

/**
 * Sizes after the Deployment itself was scaled, also in the middle of a rollout and when paused:
 * each ReplicaSet gets its share, the largest the remainder.
 */
export function proportionalScale(
  deployment: Deployment,
  bounds: Bounds,
  sets: ReplicaSets,
): Resize[] {
  const only = activeOrLatest(sets);
  if (only !== undefined) return changes(new Map([[only, bounds.desired]]));
  if (isSaturated(bounds, sets.current)) return stopOld(sets);
  if (!bounds.isRolling) return [];
  const active = sets.all.filter((it) => replicasOf(it) > 0);
  const allowed = bounds.desired > 0 ? bounds.desired + bounds.maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  const newestLast = [...active].sort((a, b) => replicasOf(b) - replicasOf(a));
  const ordered = toAdd > 0 ? preferNewer(newestLast, sets.all) : newestLast;
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const replicaSet of ordered) {
    const share = shareOf(replicaSet, deployment, { bounds, toAdd, added });
    sizes.set(replicaSet, replicasOf(replicaSet) + share);
    added += share;
  }
  const [largest] = ordered;
  if (largest !== undefined) {
    sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  }
  return changes(sizes);
}

/** The single active ReplicaSet, or the newest when none is; undefined when there are several. */
function activeOrLatest({ current, all, old }: ReplicaSets): ReplicaSet | undefined {
  const active = all.filter((it) => replicasOf(it) > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? current ?? old.at(-1);
}

/** Among equal sizes: growing prefers the newest, shrinking the oldest. */
function preferNewer(
  bySize: readonly ReplicaSet[],
  oldestFirst: readonly ReplicaSet[],
): ReplicaSet[] {
  return [...bySize].sort(
    (a, b) => replicasOf(b) - replicasOf(a) || oldestFirst.indexOf(b) - oldestFirst.indexOf(a),
  );
}

interface Sharing {
  readonly bounds: Bounds;
  readonly toAdd: number;
  readonly added: number;
}

function shareOf(replicaSet: ReplicaSet, deployment: Deployment, sharing: Sharing): number {
  const { bounds, toAdd, added } = sharing;
  const size = replicasOf(replicaSet);
  if (size === 0 || toAdd === added) return 0;
  const left = toAdd - added;
  const before = integerAnnotation(replicaSet, maxAnnotation) ?? deployment.status?.replicas ?? 0;
  const target =
    bounds.desired === 0 || before === 0
      ? 0
      : Math.round((size * (bounds.desired + bounds.maxSurge)) / before);
  const fraction = bounds.desired !== 0 && before === 0 ? 0 : target - size;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function changes(sizes: ReadonlyMap<ReplicaSet, number>): Resize[] {
  return [...sizes]
    .filter(([replicaSet, replicas]) => replicas !== replicasOf(replicaSet))
    .map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}
