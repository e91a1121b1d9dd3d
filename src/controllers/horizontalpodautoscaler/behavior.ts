import type {
  HPAScalingPolicyV2,
  HPAScalingRulesV2,
  HorizontalPodAutoscalerSpecV2,
} from "#api/gen/types.ts";

/** What an autoscaler remembers of the past, since no object holds it. */
export interface Memory {
  readonly recommendations: readonly { readonly timeMs: number; readonly replicas: number }[];
  /** Changes that were made; more are positive. */
  readonly changes: readonly { readonly timeMs: number; readonly by: number }[];
}

export const noMemory: Memory = { recommendations: [], changes: [] };

export interface Limited {
  readonly replicas: number;
  /** Reason and message of the condition AbleToScale, when a window holds the change back. */
  readonly stabilized: Reason | undefined;
  /** Of ScalingLimited; undefined when the wish is granted in full. */
  readonly limit: Reason | undefined;
}

export interface Reason {
  readonly reason: string;
  readonly message: string;
}

/** Rules of an autoscaler without any: those that upstream's API gives as defaults. */
const usualUp: HPAScalingRulesV2 = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Percent", value: 100, periodSeconds: 15 },
    { type: "Pods", value: 4, periodSeconds: 15 },
  ],
};
const usualDown: HPAScalingRulesV2 = {
  stabilizationWindowSeconds: 300,
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};
/** Upstream allows an hour. */
const memoryMs = 3_600_000;

/** What is kept of the past. */
export function forget({ recommendations, changes }: Memory, now: number): Memory {
  const isFresh = (it: { readonly timeMs: number }): boolean => it.timeMs > now - memoryMs;
  return { recommendations: recommendations.filter(isFresh), changes: changes.filter(isFresh) };
}

/**
 * The wish within the bounds of the autoscaler's behaviour.
 * Upstream: `normalizeDesiredReplicasWithBehaviors` of `pkg/controller/podautoscaler/horizontal.go`.
 * @param memory with the present wish in it.
 */
export function limit(
  spec: HorizontalPodAutoscalerSpecV2,
  at: { readonly current: number; readonly wish: number; readonly now: number },
  memory: Memory,
): Limited {
  const up = { ...usualUp, ...spec.behavior?.scaleUp };
  const down = { ...usualDown, ...spec.behavior?.scaleDown };
  const stable = stabilize(at, memory, up, down);
  const stabilized = stabilizedReason(at.wish, stable);
  const wish = { ...at, wish: stable };
  const rules = stable > at.current ? up : down;
  const bounded = bound(spec, wish, limitOf(rules, wish, memory));
  return { ...bounded, stabilized };
}

function stabilizedReason(wish: number, stable: number): Reason | undefined {
  if (stable === wish) return undefined;
  return stable > wish
    ? {
        reason: "ScaleDownStabilized",
        message:
          "recent recommendations were higher than current one, applying the highest recent recommendation",
      }
    : {
        reason: "ScaleUpStabilized",
        message:
          "recent recommendations were lower than current one, applying the lowest recent recommendation",
      };
}

/** The least that was wished for in the window up, the most in the window down. */
function stabilize(
  { current, wish, now }: { readonly current: number; readonly wish: number; readonly now: number },
  { recommendations }: Memory,
  up: HPAScalingRulesV2,
  down: HPAScalingRulesV2,
): number {
  const within = (rules: HPAScalingRulesV2): number[] => {
    const since = now - (rules.stabilizationWindowSeconds ?? 0) * 1_000;
    return recommendations.filter((it) => it.timeMs > since).map((it) => it.replicas);
  };
  const least = Math.min(wish, ...within(up));
  const most = Math.max(wish, ...within(down));
  if (current < least) return least;
  return current > most ? most : current;
}

/** How far the rules let the replicas go from where they are. */
function limitOf(
  rules: HPAScalingRulesV2,
  { current, wish, now }: { readonly current: number; readonly wish: number; readonly now: number },
  { changes }: Memory,
): number {
  if (rules.selectPolicy === "Disabled") return current;
  const isUp = wish > current;
  const bounds = (rules.policies ?? []).map((policy) => {
    const since = now - policy.periodSeconds * 1_000;
    const recent = changes.filter((it) => it.timeMs > since);
    // Where the period began.
    const start = current - recent.reduce((total, it) => total + it.by, 0);
    return boundOf(policy, start, isUp);
  });
  if (bounds.length === 0) return wish;
  const widest = rules.selectPolicy !== "Min";
  const chosen = widest === isUp ? Math.max(...bounds) : Math.min(...bounds);
  return isUp ? Math.max(chosen, current) : Math.min(chosen, current);
}

function boundOf({ type, value }: HPAScalingPolicyV2, start: number, isUp: boolean): number {
  if (type === "Pods") return isUp ? start + value : start - value;
  return isUp ? Math.ceil(start * (1 + value / 100)) : Math.floor(start * (1 - value / 100));
}

function bound(
  spec: HorizontalPodAutoscalerSpecV2,
  { current, wish }: { readonly current: number; readonly wish: number },
  pace: number,
): { readonly replicas: number; readonly limit: Reason | undefined } {
  const { maxReplicas, minReplicas = 1 } = spec;
  if (wish > current && wish > Math.min(pace, maxReplicas)) {
    return pace < maxReplicas
      ? limited(
          pace,
          "ScaleUpLimit",
          "the desired replica count is increasing faster than the maximum scale rate",
        )
      : limited(
          maxReplicas,
          "TooManyReplicas",
          "the desired replica count is more than the maximum replica count",
        );
  }
  if (wish < current && wish < Math.max(pace, minReplicas)) {
    return pace > minReplicas
      ? limited(
          pace,
          "ScaleDownLimit",
          "the desired replica count is decreasing faster than the maximum scale rate",
        )
      : limited(
          minReplicas,
          "TooFewReplicas",
          "the desired replica count is less than the minimum replica count",
        );
  }
  return { replicas: Math.min(maxReplicas, Math.max(minReplicas, wish)), limit: undefined };
}

function limited(
  replicas: number,
  reason: string,
  message: string,
): { readonly replicas: number; readonly limit: Reason } {
  return { replicas, limit: { reason, message } };
}
