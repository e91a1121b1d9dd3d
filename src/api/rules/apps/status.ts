import type {
  DaemonSet,
  Deployment,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from "#api/gen/types.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkAvailable, checkCollisions, checkCounts, checkNotAbove } from "./template.ts";

/** Checks of what controllers write to `/status`. Upstream: `Validate…Status`. */

export function validateDeploymentStatus(
  next: Loose<Deployment>,
  previous: Loose<Deployment>,
  at: Faults,
): void {
  const status = next.status ?? {};
  at.enter("status");
  checkCounts(
    status,
    [
      "observedGeneration",
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
      "terminatingReplicas",
      "collisionCount",
    ],
    at,
  );
  const parts = ["updatedReplicas", "readyReplicas", "availableReplicas"] as const;
  checkNotAbove(status, parts, "replicas", at);
  checkAvailable(status, "readyReplicas", at);
  checkCollisions(status, previous.status ?? {}, at);
  at.leave();
}

/** Of ReplicaSets and ReplicationControllers. */
export function validateReplicaSetStatus(
  next: Loose<ReplicaSet> | Loose<ReplicationController>,
  _previous: unknown,
  at: Faults,
): void {
  const status = next.status ?? {};
  at.enter("status");
  checkCounts(
    status,
    [
      "replicas",
      "fullyLabeledReplicas",
      "readyReplicas",
      "availableReplicas",
      "observedGeneration",
    ],
    at,
  );
  const parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] as const;
  checkNotAbove(status, parts, "replicas", at);
  checkAvailable(status, "readyReplicas", at);
  at.leave();
}

export function validateStatefulSetStatus(
  next: Loose<StatefulSet>,
  previous: Loose<StatefulSet>,
  at: Faults,
): void {
  const status = next.status ?? {};
  const parts = [
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
  ] as const;
  at.enter("status");
  checkCounts(status, ["replicas", ...parts, "observedGeneration", "collisionCount"], at);
  checkNotAbove(status, parts, "replicas", at);
  checkAvailable(status, "status.readyReplicas", at);
  checkCollisions(status, previous.status ?? {}, at);
  at.leave();
}

export function validateDaemonSetStatus(
  next: Loose<DaemonSet>,
  previous: Loose<DaemonSet>,
  at: Faults,
): void {
  const status = next.status ?? {};
  at.enter("status");
  checkCounts(
    status,
    [
      "currentNumberScheduled",
      "numberMisscheduled",
      "desiredNumberScheduled",
      "numberReady",
      "observedGeneration",
      "updatedNumberScheduled",
      "numberAvailable",
      "numberUnavailable",
      "collisionCount",
    ],
    at,
  );
  checkCollisions(status, previous.status ?? {}, at);
  at.leave();
}
