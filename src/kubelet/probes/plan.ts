import type { Probe } from "#api/gen/types.ts";
import type { ProbeResult } from "#kubelet/pod/input.ts";

export type ProbeType = "startup" | "liveness" | "readiness";

/** What one probe of one container instance has seen. */
export interface ProbeState {
  /** What the rest of the agent goes by. */
  readonly result: ProbeResult;
  readonly last: "success" | "failure" | undefined;
  /** How many times in a row `last` was seen. */
  readonly streak: number;
  /** Nothing more is asked of this instance: it started, or it is to be killed. */
  readonly isOver: boolean;
}

/** Before the first answer a container counts as alive and as not ready. */
export function initialState(type: ProbeType): ProbeState {
  const results = { startup: "unknown", liveness: "success", readiness: "failure" } as const;
  return { result: results[type], last: undefined, streak: 0, isOver: false };
}

/** The state after one more answer. Upstream: `pkg/kubelet/prober/worker.go`, doProbe. */
export function nextState(
  type: ProbeType,
  probe: Probe,
  state: ProbeState,
  outcome: "success" | "failure",
): ProbeState {
  const streak = state.last === outcome ? state.streak + 1 : 1;
  const threshold =
    outcome === "failure" ? (probe.failureThreshold ?? 3) : (probe.successThreshold ?? 1);
  if (streak < threshold) return { ...state, last: outcome, streak };
  const isOver = type === "startup" || (type === "liveness" && outcome === "failure");
  return { result: outcome, last: outcome, streak, isOver };
}

/** Timings of a probe in milliseconds, with the API's defaults. */
export interface ProbeTimes {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
}

export function probeTimes(probe: Probe): ProbeTimes {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: Math.max(probe.periodSeconds ?? 10, 1) * 1000,
    timeoutMs: Math.max(probe.timeoutSeconds ?? 1, 1) * 1000,
  };
}
