import type { Deployment, ReplicaSet } from "#api/gen/types.ts";
import { isDeleting } from "#client/object-key.ts";
import { boundsOf, type Bounds } from "./bounds.ts";
import {
  desiredAnnotation,
  integerAnnotation,
  replicasOf,
  revisionAnnotation,
  revisionHistoryAnnotation,
  compareRevision,
  revisionOf,
  sizeAnnotations,
  sortReplicaSets,
  type ReplicaSets,
} from "./replica-set-view.ts";
import {
  growCurrent,
  proportionalScale,
  rollingStep,
  room,
  stopOld,
  type Resize,
} from "./scale.ts";
import { isComplete } from "./status.ts";

export interface DeploymentInput {
  readonly deployment: Deployment;
  /** Those that the Deployment controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of old ReplicaSets that have not finished, terminating ones included. */
  readonly oldPodsRunning: boolean;
}

export type DeploymentStep =
  | { readonly kind: "create"; readonly replicas: number; readonly revision: bigint }
  | {
      readonly kind: "update";
      readonly replicaSet: ReplicaSet;
      readonly replicas: number;
      readonly minReadySeconds: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly kind: "set-revision"; readonly revision: bigint }
  | { readonly kind: "delete"; readonly replicaSet: ReplicaSet };

/** Annotations of a Deployment that are not the business of its ReplicaSets. */
const ownAnnotations = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredAnnotation,
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
]);

/**
 * The next steps of a rollout. Each call decides from what there is; after the steps are done and
 * seen, the next call goes on. Never more than desired + maxSurge replicas are asked for, and old
 * replicas are only given up while enough others are available.
 */
export function planDeployment(input: DeploymentInput): DeploymentStep[] {
  const { deployment, replicaSets } = input;
  if (isDeleting(deployment)) return [];
  const sets = sortReplicaSets(
    deployment,
    replicaSets.filter((it) => !isDeleting(it)),
  );
  const bounds = boundsOf(deployment);
  const paused = deployment.spec?.paused === true;
  if (paused || isScaling(bounds, sets)) {
    return [
      ...upkeep(deployment, sets, bounds, proportionalScale(deployment, bounds, sets)),
      ...(paused ? history(deployment, sets) : []),
    ];
  }
  if (!bounds.isRolling) return recreate(input, sets, bounds);
  if (sets.current === undefined) return create(bounds, sets);
  return rollOut(deployment, sets, bounds, rollingStep(bounds, sets));
}

function recreate(input: DeploymentInput, sets: ReplicaSets, bounds: Bounds): DeploymentStep[] {
  const { deployment } = input;
  const stop = stopOld(sets);
  if (stop.length > 0) return upkeep(deployment, sets, bounds, stop);
  if (input.oldPodsRunning) return upkeep(deployment, sets, bounds, []);
  if (sets.current === undefined) return create(bounds, sets);
  return rollOut(deployment, sets, bounds, growCurrent(bounds, sets));
}

function create(bounds: Bounds, sets: ReplicaSets): DeploymentStep[] {
  const replicas = Math.min(bounds.desired, room(bounds, sets.all));
  return [{ kind: "create", replicas, revision: nextRevision(sets.old) }];
}

function rollOut(
  deployment: Deployment,
  sets: ReplicaSets,
  bounds: Bounds,
  resizes: readonly Resize[],
): DeploymentStep[] {
  const steps = upkeep(deployment, sets, bounds, resizes);
  if (resizes.length > 0 || !isComplete(deployment, deployment.status ?? {})) return steps;
  return [...steps, ...history(deployment, sets)];
}

/** The resizes, and the annotations that the ReplicaSets and the Deployment are to carry. */
function upkeep(
  deployment: Deployment,
  sets: ReplicaSets,
  bounds: Bounds,
  resizes: readonly Resize[],
): DeploymentStep[] {
  const { current, old } = sets;
  const sizes = new Map(resizes.map((it) => [it.replicaSet, it.replicas]));
  const steps = old
    .filter((it) => sizes.has(it) || replicasOf(it) > 0)
    .map((it) => updateStep(it, { replicas: sizes.get(it), annotations: sizeAnnotations(bounds) }));
  if (current === undefined) return steps.filter((it) => it !== undefined);
  const revision = greatest([revisionOf(current), nextRevision(old)]);
  const annotations = {
    ...sizeAnnotations(bounds),
    ...currentAnnotations(deployment, current, revision),
  };
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  steps.push(updateStep(current, { replicas: sizes.get(current), annotations, minReadySeconds }));
  const told = deployment.metadata?.annotations?.[revisionAnnotation] === String(revision);
  if (!told) steps.push({ kind: "set-revision", revision });
  return steps.filter((it) => it !== undefined);
}

interface Wanted {
  readonly replicas: number | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly minReadySeconds?: number;
}

/** Undefined when the ReplicaSet is as wanted; of the annotations, those that differ. */
function updateStep(replicaSet: ReplicaSet, wanted: Wanted): DeploymentStep | undefined {
  const present = replicaSet.metadata?.annotations ?? {};
  const differing = Object.entries(wanted.annotations).filter(([key, it]) => present[key] !== it);
  const replicas = wanted.replicas ?? replicasOf(replicaSet);
  const before = replicaSet.spec?.minReadySeconds ?? 0;
  const minReadySeconds = wanted.minReadySeconds ?? before;
  const same =
    replicas === replicasOf(replicaSet) && minReadySeconds === before && differing.length === 0;
  if (same) return undefined;
  const annotations = Object.fromEntries(differing);
  return { kind: "update", replicaSet, replicas, minReadySeconds, annotations };
}

/** Those of the Deployment, and the number of the rollout, with the numbers it had before. */
function currentAnnotations(
  deployment: Deployment,
  current: ReplicaSet,
  revision: bigint,
): Record<string, string> {
  const before = revisionOf(current);
  const annotations = inheritedAnnotations(deployment);
  annotations[revisionAnnotation] = String(revision);
  if (before > 0n && before !== revision) {
    const history = current.metadata?.annotations?.[revisionHistoryAnnotation];
    const entries = [...(history === undefined ? [] : history.split(",")), String(before)];
    // Upstream keeps 2000 characters: the newest.
    annotations[revisionHistoryAnnotation] = entries.join(",").slice(-2_000);
  }
  return annotations;
}

/** What a ReplicaSet takes over from its Deployment's annotations. */
export function inheritedAnnotations(deployment: Deployment): Record<string, string> {
  const all = Object.entries(deployment.metadata?.annotations ?? {});
  return Object.fromEntries(all.filter(([key]) => !ownAnnotations.has(key)));
}

/** The Deployment was scaled since the ReplicaSets were last written. */
function isScaling(bounds: Bounds, { all }: ReplicaSets): boolean {
  return all.some((it) => {
    const desired = integerAnnotation(it, desiredAnnotation);
    return replicasOf(it) > 0 && desired !== undefined && desired !== bounds.desired;
  });
}

/** Deletes the oldest ReplicaSets beyond the history limit that have come to rest at zero. */
function history(deployment: Deployment, { old }: ReplicaSets): DeploymentStep[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const excess = Math.max(0, old.length - limit);
  return [...old]
    .sort(compareRevision)
    .slice(0, excess)
    .filter(
      (it) =>
        replicasOf(it) === 0 &&
        (it.status?.replicas ?? 0) === 0 &&
        (it.metadata?.generation ?? 0) <= (it.status?.observedGeneration ?? 0),
    )
    .map((replicaSet) => ({ kind: "delete", replicaSet }));
}

function nextRevision(old: readonly ReplicaSet[]): bigint {
  return greatest(old.map(revisionOf)) + 1n;
}

function greatest(revisions: readonly bigint[]): bigint {
  return revisions.reduce((most, it) => (it > most ? it : most), 0n);
}
