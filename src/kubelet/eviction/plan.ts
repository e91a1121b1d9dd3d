import { thresholdAmount, type Observation, type Signal, type Threshold } from "./thresholds.ts";

/** Node conditions that tell of a shortage. */
export type Pressure = "MemoryPressure" | "DiskPressure" | "PIDPressure";

/** What is reclaimed, as messages name it. */
export type StarvedResource = "memory" | "ephemeral-storage" | "inodes" | "pids";

/** What must be remembered from one look to the next. */
export interface EvictionState {
  /** By threshold key: since when it is met without a break. */
  readonly metSinceMs: ReadonlyMap<string, number>;
  /** When each condition was last observed. */
  readonly pressedAtMs: ReadonlyMap<Pressure, number>;
}

export const initialEvictionState: EvictionState = {
  metSinceMs: new Map(),
  pressedAtMs: new Map(),
};

export interface EvictionInput {
  readonly thresholds: readonly Threshold[];
  readonly observations: ReadonlyMap<Signal, Observation>;
  readonly state: EvictionState;
  /** How long a condition stays after it was last observed; upstream: 5 min. */
  readonly transitionMs: number;
  readonly nowMs: number;
}

export interface Reclaim {
  readonly threshold: Threshold;
  readonly resource: StarvedResource;
  readonly observation: Observation;
  /** True: pods end at once. False: they may use their grace period, as far as is configured. */
  readonly isHard: boolean;
}

export interface EvictionPlan {
  readonly state: EvictionState;
  readonly pressures: ReadonlySet<Pressure>;
  /** The first shortage to do something about; undefined for none. */
  readonly reclaim: Reclaim | undefined;
}

/**
 * What the signals mean now. Pure; the caller keeps the state.
 * Upstream: `pkg/kubelet/eviction/eviction_manager.go`, synchronize.
 */
export function planEviction(input: EvictionInput): EvictionPlan {
  const { thresholds, state, transitionMs, nowMs } = input;
  const met = thresholds.filter((it) => isMet(it, input.observations));
  const metSinceMs = new Map(
    met.map((it) => [thresholdKey(it), state.metSinceMs.get(thresholdKey(it)) ?? nowMs]),
  );
  const pressedAtMs = new Map(state.pressedAtMs);
  for (const { signal } of met) pressedAtMs.set(pressureOf(signal), nowMs);
  for (const [pressure, atMs] of pressedAtMs) {
    if (nowMs - atMs >= transitionMs && atMs !== nowMs) pressedAtMs.delete(pressure);
  }
  const due = met.filter((it) => nowMs - (metSinceMs.get(thresholdKey(it)) ?? nowMs) >= it.graceMs);
  const threshold = due.sort(byUrgency)[0];
  const observation =
    threshold === undefined ? undefined : input.observations.get(threshold.signal);
  return {
    state: { metSinceMs, pressedAtMs },
    pressures: new Set(pressedAtMs.keys()),
    reclaim:
      threshold === undefined || observation === undefined
        ? undefined
        : {
            threshold,
            observation,
            resource: resourceOf(threshold.signal),
            isHard: threshold.graceMs === 0,
          },
  };
}

/** True while less is left than the threshold says; a signal that was not observed says nothing. */
export function isMet(
  threshold: Threshold,
  observations: ReadonlyMap<Signal, Observation>,
): boolean {
  const observation = observations.get(threshold.signal);
  return (
    observation !== undefined && observation.available < thresholdAmount(threshold, observation)
  );
}

function thresholdKey({ signal, graceMs }: Threshold): string {
  return `${signal}/${graceMs}`;
}

/** Memory first: without it nothing else works either. Then hard thresholds before soft ones. */
function byUrgency(left: Threshold, right: Threshold): number {
  const isOther = (it: Threshold): number => (it.signal === "memory.available" ? 0 : 1);
  return isOther(left) - isOther(right) || left.graceMs - right.graceMs;
}

function pressureOf(signal: Signal): Pressure {
  if (signal === "memory.available") return "MemoryPressure";
  return signal === "pid.available" ? "PIDPressure" : "DiskPressure";
}

function resourceOf(signal: Signal): StarvedResource {
  switch (signal) {
    case "memory.available":
      return "memory";
    case "nodefs.available":
    case "imagefs.available":
      return "ephemeral-storage";
    case "nodefs.inodesFree":
    case "imagefs.inodesFree":
      return "inodes";
    case "pid.available":
      return "pids";
  }
}
