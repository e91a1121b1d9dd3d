import type { ContainerStatus, Deployment, Pod, ReplicaSet } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { compareRevision, sortReplicaSets } from "#controllers/deployment/replica-set-view.ts";
import { hashLabel } from "#controllers/deployment/template-hash.ts";
import { isComplete } from "#controllers/deployment/status.ts";

/** On a Deployment: "true" asks for it. */
export const wantedAnnotation = "gantry.dev/auto-rollback";
/** On a Deployment: seconds for which all pods of a revision are ready before it counts as healthy. */
export const healthyAfterAnnotation = "gantry.dev/healthy-after-seconds";
/** On a Deployment: restarts of one container after which a new revision counts as failed. */
export const restartsAnnotation = "gantry.dev/crash-loop-restarts";
/** On a ReplicaSet: "true" once its revision was healthy. */
export const healthyAnnotation = "gantry.dev/healthy";

const healthyAfterSecondsDefault = 60;
const restartsDefault = 3;
/** Times in the API are whole seconds, rounded down. */
const timeStepMs = 1_000;

export interface AutoRollbackInput {
  readonly deployment: Deployment;
  /** Those that the Deployment controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods that a ReplicaSet controls. */
  readonly podsOf: (replicaSet: ReplicaSet) => readonly Pod[];
  readonly now: number;
}

export interface AutoRollback {
  /** Revisions that have shown to be healthy, and do not say so yet. */
  readonly healthy: readonly ReplicaSet[];
  /** What is wrong with the current revision; undefined while nothing is. */
  readonly failure: string | undefined;
  /** Where to go back to when it has failed; undefined when no other revision was ever healthy. */
  readonly target: ReplicaSet | undefined;
  /** Milliseconds until another revision may be healthy. */
  readonly afterMs: number | undefined;
}

/**
 * Which revisions are known to be healthy, and whether the current one has failed. A revision that
 * was healthy once never counts as failed: what breaks it later is not in its template.
 */
export function planAutoRollback(input: AutoRollbackInput): AutoRollback {
  const { deployment, now } = input;
  const alive = input.replicaSets.filter((it) => !isDeleting(it));
  const { current, all } = sortReplicaSets(deployment, alive);
  const settled = isComplete(deployment, deployment.status ?? {});
  const waits = all
    .filter((it) => !wasHealthy(it) && (it !== current || settled))
    .map((it) => ({ replicaSet: it, ms: msUntilHealthy(deployment, input.podsOf(it), now) }));
  const healthy = waits.filter(({ ms }) => ms === 0).map((it) => it.replicaSet);
  const pending = waits.flatMap(({ ms }) => (ms === undefined || ms === 0 ? [] : [ms]));
  const afterMs = pending.length === 0 ? undefined : Math.min(...pending);
  const isKnown = (it: ReplicaSet): boolean => wasHealthy(it) || healthy.includes(it);
  const judged = current !== undefined && !isKnown(current) && deployment.spec?.paused !== true;
  const failure = judged ? failureOf(deployment, input.podsOf(current)) : undefined;
  const target = all
    .filter((it) => it !== current && isKnown(it))
    .sort(compareRevision)
    .at(-1);
  return { healthy, failure, target, afterMs };
}

/** The template to go back to, as the Deployment had it. */
export function templateOf(replicaSet: ReplicaSet): NonNullable<ReplicaSet["spec"]>["template"] {
  const template = replicaSet.spec?.template;
  const labels = Object.entries(template?.metadata?.labels ?? {}).filter(
    ([it]) => it !== hashLabel,
  );
  const metadata = { ...template?.metadata, labels: Object.fromEntries(labels) };
  return { ...template, metadata };
}

function wasHealthy(replicaSet: ReplicaSet): boolean {
  return replicaSet.metadata?.annotations?.[healthyAnnotation] === "true";
}

/** 0: it is healthy; undefined: time alone does not make it so. */
function msUntilHealthy(
  deployment: Deployment,
  pods: readonly Pod[],
  now: number,
): number | undefined {
  const staying = pods.filter((it) => !isDeleting(it));
  if (staying.length === 0) return undefined;
  const seconds = numberOf(deployment, healthyAfterAnnotation, healthyAfterSecondsDefault);
  let latest = 0;
  for (const pod of staying) {
    const ready = pod.status?.conditions?.find((it) => it.type === "Ready");
    if (ready?.status !== "True") return undefined;
    latest = Math.max(latest, parseTime(ready.lastTransitionTime ?? "") ?? now);
  }
  return Math.max(0, latest + timeStepMs + seconds * 1_000 - now);
}

function failureOf(deployment: Deployment, pods: readonly Pod[]): string | undefined {
  if (missedDeadline(deployment)) return "it has not made progress within its deadline";
  const limit = numberOf(deployment, restartsAnnotation, restartsDefault);
  for (const pod of pods) {
    const found = containersOf(pod).find((it) => isCrashing(it, limit));
    if (found === undefined) continue;
    const code = found.lastState?.terminated?.exitCode;
    const last = code === undefined ? "" : `, the last time with exit code ${code}`;
    return `container ${found.name} of pod ${nameOf(pod)} has ended ${found.restartCount} times${last}`;
  }
  return undefined;
}

function missedDeadline({ status, metadata }: Deployment): boolean {
  const progress = status?.conditions?.find((it) => it.type === "Progressing");
  // The condition of an older template says nothing about this one.
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return false;
  return progress?.status === "False" && progress.reason === "ProgressDeadlineExceeded";
}

function containersOf(pod: Pod): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses];
}

/** Restarts alone may have ended well; the wait for the next one tells that they have not. */
function isCrashing(container: ContainerStatus, limit: number): boolean {
  const isWaiting = container.state?.waiting?.reason === "CrashLoopBackOff";
  return isWaiting && container.restartCount >= limit;
}

/** A positive number of an annotation; anything else is as if it were not there. */
function numberOf(deployment: Deployment, annotation: string, otherwise: number): number {
  const value = Number(deployment.metadata?.annotations?.[annotation] ?? Number.NaN);
  return Number.isFinite(value) && value > 0 ? value : otherwise;
}
