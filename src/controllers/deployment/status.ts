import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "#api/gen/types.ts";
import { formatTime, parseTime } from "#api/time.ts";
import { nameOf } from "#client/object-key.ts";
import { boundsOf } from "./bounds.ts";
import {
  availableOf,
  sortReplicaSets,
  totalReplicas,
  type ReplicaSets,
} from "./replica-set-view.ts";

export interface StatusInput {
  readonly deployment: Deployment;
  /** Those that the Deployment controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Name of a ReplicaSet that this reconcile created. */
  readonly created?: string | undefined;
  /** Why the new ReplicaSet could not be created. */
  readonly failure?: string | undefined;
  /** Set when a name is taken by another template. */
  readonly collisionCount?: number | undefined;
  readonly now: number;
}

/** The whole status. `kubectl rollout status` reads reasons, messages and counts of it. */
export function deploymentStatus(input: StatusInput): DeploymentStatus {
  const { deployment, now } = input;
  const sets = sortReplicaSets(deployment, input.replicaSets);
  const counts = countReplicas(deployment, sets);
  const collisionCount = input.collisionCount ?? deployment.status?.collisionCount;
  let conditions = deployment.status?.conditions ?? [];
  conditions = withCondition(conditions, availableCondition(deployment, counts), now);
  conditions = progressing(input, sets, { counts, conditions });
  const failure = [sets.current, ...sets.old]
    .flatMap((it) => it?.status?.conditions ?? [])
    .find((it) => it.type === "ReplicaFailure");
  conditions =
    failure === undefined
      ? conditions.filter((it) => it.type !== "ReplicaFailure")
      : withCondition(conditions, failure, now);
  return {
    ...counts,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** All replicas are of the current template and available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { desired } = boundsOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

/**
 * Milliseconds until a rollout that is under way would pass its deadline; undefined when no
 * deadline runs.
 */
export function deadlineMs(
  deployment: Deployment,
  status: DeploymentStatus,
  now: number,
): number | undefined {
  const seconds = deadlineSeconds(deployment);
  const condition = status.conditions?.find((it) => it.type === "Progressing");
  if (seconds === undefined || condition === undefined) return undefined;
  if (isComplete(deployment, status) || isSettled(condition)) return undefined;
  const since = parseTime(condition.lastUpdateTime ?? "") ?? now;
  return Math.max(0, since + seconds * 1_000 - now) + 1_000;
}

type Counts = Omit<DeploymentStatus, "conditions" | "collisionCount">;

function countReplicas(deployment: Deployment, { all, current }: ReplicaSets): Counts {
  const sum = (count: (it: ReplicaSet) => number): number =>
    all.reduce((total, it) => total + count(it), 0);
  const availableReplicas = sum(availableOf);
  return {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: sum((it) => it.status?.replicas ?? 0),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum((it) => it.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, totalReplicas(all) - availableReplicas),
    terminatingReplicas: sum((it) => it.status?.terminatingReplicas ?? 0),
  };
}

type Verdict = Pick<DeploymentCondition, "type" | "status" | "reason" | "message">;

function availableCondition(deployment: Deployment, counts: Counts): Verdict {
  const { desired, maxUnavailable } = boundsOf(deployment);
  return (counts.availableReplicas ?? 0) >= desired - maxUnavailable
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

interface Next {
  readonly counts: Counts;
  readonly conditions: readonly DeploymentCondition[];
}

function progressing(
  input: StatusInput,
  sets: ReplicaSets,
  { counts, conditions }: Next,
): readonly DeploymentCondition[] {
  const { deployment, now } = input;
  if (deadlineSeconds(deployment) === undefined) {
    return conditions.filter((it) => it.type !== "Progressing");
  }
  const before = conditions.find((it) => it.type === "Progressing");
  const verdict = progressVerdict(input, sets, { before, counts });
  if (verdict === undefined) return conditions;
  if (verdict.reason !== "ReplicaSetUpdated" || before === undefined) {
    return withCondition(conditions, verdict, now);
  }
  // Each sign of progress restarts the deadline, so the condition is written anew.
  const time = formatTime(now);
  const since = before.status === "True" ? (before.lastTransitionTime ?? time) : time;
  const others = conditions.filter((it) => it.type !== "Progressing");
  return [...others, { ...verdict, lastUpdateTime: time, lastTransitionTime: since }];
}

interface Progress {
  readonly before: DeploymentCondition | undefined;
  readonly counts: Counts;
}

function progressVerdict(
  input: StatusInput,
  sets: ReplicaSets,
  progress: Progress,
): Verdict | undefined {
  const { deployment, created, failure } = input;
  if (failure !== undefined) return verdict("False", "ReplicaSetCreateError", failure);
  if (created !== undefined) {
    return verdict("True", "NewReplicaSetCreated", `Created new replica set "${created}"`);
  }
  const pause = pauseVerdict(deployment, progress.before);
  if (pause !== undefined) return pause;
  if (deployment.spec?.paused === true) return undefined;
  return rolloutVerdict(input, sets, progress);
}

function rolloutVerdict(
  { deployment, now }: StatusInput,
  { current }: ReplicaSets,
  { before, counts }: Progress,
): Verdict | undefined {
  const name = current === undefined ? undefined : nameOf(current);
  const subject =
    name === undefined ? `Deployment "${nameOf(deployment)}"` : `ReplicaSet "${name}"`;
  const settled = counts.replicas === counts.updatedReplicas;
  if (settled && before?.reason === "NewReplicaSetAvailable") return undefined;
  if (isComplete(deployment, counts)) {
    return verdict("True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`);
  }
  if (hasProgressed(deployment.status ?? {}, counts)) {
    return verdict("True", "ReplicaSetUpdated", `${subject} is progressing.`);
  }
  if (before !== undefined && hasTimedOut(deployment, before, now)) {
    return verdict("False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`);
  }
  if (before !== undefined || name === undefined) return undefined;
  return verdict("True", "FoundNewReplicaSet", `Found new replica set "${name}"`);
}

function pauseVerdict(
  deployment: Deployment,
  before: DeploymentCondition | undefined,
): Verdict | undefined {
  if (before?.reason === "ProgressDeadlineExceeded") return undefined;
  const paused = deployment.spec?.paused === true;
  const known = before?.reason === "DeploymentPaused";
  if (paused === known) return undefined;
  return paused
    ? verdict("Unknown", "DeploymentPaused", "Deployment is paused")
    : verdict("Unknown", "DeploymentResumed", "Deployment is resumed");
}

function hasProgressed(before: DeploymentStatus, now: Counts): boolean {
  const old = (it: DeploymentStatus): number => (it.replicas ?? 0) - (it.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, before: DeploymentCondition, now: number): boolean {
  if (before.reason === "NewReplicaSetAvailable") return false;
  if (before.reason === "ProgressDeadlineExceeded") return true;
  const seconds = deadlineSeconds(deployment);
  const since = parseTime(before.lastUpdateTime ?? "");
  return seconds !== undefined && since !== undefined && since + seconds * 1_000 < now;
}

/** Upstream writes "no deadline" as the largest integer. */
function deadlineSeconds(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds >= 2_147_483_647 ? undefined : seconds;
}

function isSettled(condition: DeploymentCondition): boolean {
  return (
    condition.reason === "NewReplicaSetAvailable" ||
    condition.reason === "ProgressDeadlineExceeded" ||
    condition.reason === "DeploymentPaused"
  );
}

function verdict(status: string, reason: string, message: string): Verdict {
  return { type: "Progressing", status, reason, message };
}

/** Replaces the condition of that type, unless status and reason are the same as before. */
function withCondition(
  conditions: readonly DeploymentCondition[],
  next: Verdict,
  now: number,
): readonly DeploymentCondition[] {
  const before = conditions.find((it) => it.type === next.type);
  if (before?.status === next.status && before.reason === next.reason) return conditions;
  const time = formatTime(now);
  const since = before?.status === next.status ? (before.lastTransitionTime ?? time) : time;
  const others = conditions.filter((it) => it.type !== next.type);
  const { type, status, reason, message } = next;
  const times = { lastUpdateTime: time, lastTransitionTime: since };
  return [...others, { type, status, reason, message, ...times }];
}
