import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/gen/types.ts";
import { formatTime, parseTime } from "#api/time.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { isReady } from "#controllers/pods/readiness.ts";
import { shareOf } from "#controllers/share.ts";

/** An eviction whose pod is not seen to go by then did not happen. Upstream: `DeletionTimeout`. */
const evictionMs = 2 * 60_000;

export interface DisruptionPlan {
  readonly status: PodDisruptionBudgetStatus;
  /** When an unconfirmed eviction is given up; undefined when there is none. */
  readonly afterMs: number | undefined;
}

/**
 * What a budget has to give. Upstream: `pkg/controller/disruption/disruption.go`.
 * @param scale how many pods their controllers want, for budgets that are shares of it or leave it.
 */
export function planDisruption(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  now: number,
): DisruptionPlan {
  const disrupted = stillDisrupted(budget, pods, now);
  const healthy = pods.filter(
    (it) => isReady(it) && !isDeleting(it) && disrupted[nameOf(it)] === undefined,
  ).length;
  const { expected, desired } = wantedOf(budget, pods.length, scale);
  const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  const times = Object.values(disrupted).map((it) => (parseTime(it) ?? now) + evictionMs - now);
  return {
    status: {
      conditions: conditionsOf(budget, allowed > 0, now),
      currentHealthy: healthy,
      desiredHealthy: desired,
      ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
      disruptionsAllowed: allowed,
      expectedPods: expected,
      observedGeneration: budget.metadata?.generation,
    },
    afterMs: times.length === 0 ? undefined : Math.max(0, Math.min(...times)),
  };
}

/** Evictions that were granted, and whose pods have not been seen to go. */
function stillDisrupted(
  { status }: PodDisruptionBudget,
  pods: readonly Pod[],
  now: number,
): Record<string, string> {
  const living = new Set(pods.filter((it) => !isDeleting(it)).map(nameOf));
  const entries = Object.entries(status?.disruptedPods ?? {});
  return Object.fromEntries(
    entries.filter(([name, time]) => living.has(name) && (parseTime(time) ?? 0) + evictionMs > now),
  );
}

function wantedOf(
  { spec }: PodDisruptionBudget,
  count: number,
  scale: number,
): { readonly expected: number; readonly desired: number } {
  if (spec?.maxUnavailable !== undefined) {
    return {
      expected: scale,
      desired: Math.max(0, scale - shareOf(spec.maxUnavailable, scale, Math.ceil)),
    };
  }
  const wanted = spec?.minAvailable ?? 1;
  if (typeof wanted === "number") return { expected: count, desired: wanted };
  return { expected: scale, desired: shareOf(wanted, scale, Math.ceil) };
}

type Conditions = NonNullable<PodDisruptionBudgetStatus["conditions"]>;

function conditionsOf(budget: PodDisruptionBudget, isAllowed: boolean, now: number): Conditions {
  const type = "DisruptionAllowed";
  const before = budget.status?.conditions ?? [];
  const status = isAllowed ? "True" : "False";
  const known = before.find((it) => it.type === type);
  const isSame = known?.status === status;
  const made = {
    type,
    status,
    reason: isAllowed ? "SufficientPods" : "InsufficientPods",
    message: "",
    lastTransitionTime: isSame ? known.lastTransitionTime : formatTime(now),
    observedGeneration: budget.metadata?.generation,
  };
  return [...before.filter((it) => it.type !== type), made];
}
