import type { Deployment, ReplicaSet } from "#api/gen/types.ts";

export interface Progress {
  readonly kind: "complete" | "waiting" | "failed";
  readonly message: string;
}

/** How far a rollout is; kubectl `pkg/polymorphichelpers/rollout_status.go`. */
export function progressOf({ metadata, spec, status = {} }: Deployment): Progress {
  const name = metadata?.name ?? "";
  if ((status.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    return { kind: "waiting", message: "Waiting for deployment spec update to be observed..." };
  }
  const progressing = status.conditions?.find((it) => it.type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    return { kind: "failed", message: `deployment "${name}" exceeded its progress deadline` };
  }
  const desired = spec?.replicas ?? 1;
  const updated = status.updatedReplicas ?? 0;
  const rest = waitingFor(desired, updated, status);
  if (rest === undefined) {
    return { kind: "complete", message: `deployment "${name}" successfully rolled out` };
  }
  return {
    kind: "waiting",
    message: `Waiting for deployment "${name}" rollout to finish: ${rest}...`,
  };
}

function waitingFor(
  desired: number,
  updated: number,
  status: NonNullable<Deployment["status"]>,
): string | undefined {
  if (updated < desired) return `${updated} out of ${desired} new replicas have been updated`;
  const old = (status.replicas ?? 0) - updated;
  if (old > 0) return `${old} old replicas are pending termination`;
  const available = status.availableReplicas ?? 0;
  return available < updated
    ? `${available} of ${updated} updated replicas are available`
    : undefined;
}

const hashLabel = "pod-template-hash";

/**
 * The pod template of a revision, without the label that ties it to its ReplicaSet.
 * @param toRevision 0 for the one before the newest.
 * @throws {Error} when there is no such revision.
 */
export function templateToReturnTo(
  revisions: readonly ReplicaSet[],
  revisionOf: (it: ReplicaSet) => number,
  toRevision: number,
): object {
  const found =
    toRevision === 0 ? revisions.at(-2) : revisions.find((it) => revisionOf(it) === toRevision);
  const template = found?.spec?.template;
  if (template === undefined) {
    const which = toRevision === 0 ? "no rollout history found" : `no revision ${toRevision}`;
    throw new Error(`${which}; see: gantry rollout history`);
  }
  const labels = Object.entries(template.metadata?.labels ?? {}).filter(
    ([key]) => key !== hashLabel,
  );
  return { ...template, metadata: { ...template.metadata, labels: Object.fromEntries(labels) } };
}
