import type { Deployment } from "#api/gen/types.ts";
import { shareOf } from "#controllers/share.ts";

/** The numbers that a Deployment asks for, with percentages resolved. */
export interface Bounds {
  readonly desired: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly isRolling: boolean;
}

/** Upstream `deployment_util.go`, `ResolveFenceposts`: surge rounds up, unavailable down. */
export function boundsOf(deployment: Deployment): Bounds {
  const desired = deployment.spec?.replicas ?? 1;
  const { type = "RollingUpdate", rollingUpdate } = deployment.spec?.strategy ?? {};
  if (type !== "RollingUpdate") {
    return { desired, maxSurge: 0, maxUnavailable: 0, isRolling: false };
  }
  const maxSurge = shareOf(rollingUpdate?.maxSurge ?? "25%", desired, Math.ceil);
  const resolved = shareOf(rollingUpdate?.maxUnavailable ?? "25%", desired, Math.floor);
  // Both zero could never move.
  const maxUnavailable = maxSurge === 0 && resolved === 0 ? 1 : resolved;
  return {
    desired,
    maxSurge,
    maxUnavailable: Math.min(maxUnavailable, desired),
    isRolling: true,
  };
}
