import { findQuantity } from "#api/quantity.ts";
import { parseDuration } from "#kubelet/settings/duration.ts";

/** What is watched, by upstream's names. `pkg/kubelet/eviction/api/types.go`. */
export const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type Signal = (typeof signals)[number];

/** An amount, or a share of the capacity between 0 and 1. */
export type ThresholdValue =
  | { readonly kind: "amount"; readonly amount: number }
  | { readonly kind: "share"; readonly share: number };

/** Pods are evicted while less than `value` is left. */
export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** How long it must hold before a pod is evicted; 0 for a hard threshold. */
  readonly graceMs: number;
}

/** Upstream's, of `pkg/kubelet/eviction/defaults_linux.go`. */
export const defaultEvictionHard =
  "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%";

/**
 * Reads thresholds as upstream's flags give them: `memory.available<100Mi,nodefs.available<10%`.
 * Each soft one needs a period in `softGrace`: `memory.available=1m30s`.
 * @throws {Error} naming the part that is wrong.
 */
export function parseThresholds(hard: string, soft = "", softGrace = ""): readonly Threshold[] {
  const periods = new Map(
    parts(softGrace).map((it) => {
      const [signal = "", period = ""] = it.split("=");
      return [signalOf(signal, it), parsePeriod(period, it)];
    }),
  );
  return [
    ...parts(hard).map((it) => parseThreshold(it, () => 0)),
    ...parts(soft).map((it) =>
      parseThreshold(it, (signal) => {
        const graceMs = periods.get(signal);
        if (graceMs === undefined) {
          throw new Error(`eviction threshold "${it}": a soft threshold needs a grace period`);
        }
        return graceMs;
      }),
    ),
  ];
}

function parts(text: string): string[] {
  return text
    .split(",")
    .map((it) => it.trim())
    .filter((it) => it !== "");
}

function parseThreshold(text: string, graceOf: (signal: Signal) => number): Threshold {
  const [name = "", value, ...more] = text.split("<");
  if (value === undefined || more.length > 0) {
    throw new Error(`eviction threshold "${text}": expected signal<amount`);
  }
  const signal = signalOf(name, text);
  return { signal, value: parseValue(value, text), graceMs: graceOf(signal) };
}

function signalOf(name: string, whole: string): Signal {
  const found = signals.find((it) => it === name);
  if (found === undefined) {
    throw new Error(`eviction threshold "${whole}": "${name}" is none of ${signals.join(", ")}`);
  }
  return found;
}

function parseValue(text: string, whole: string): ThresholdValue {
  if (text.endsWith("%")) {
    const percent = Number(text.slice(0, -1));
    if (!(percent >= 0 && percent <= 100)) {
      throw new Error(`eviction threshold "${whole}": expected a percentage from 0 to 100`);
    }
    return { kind: "share", share: percent / 100 };
  }
  const amount = findQuantity(text);
  if (amount === undefined || amount.sign() < 0) {
    throw new Error(`eviction threshold "${whole}": expected an amount such as 100Mi, or 10%`);
  }
  return { kind: "amount", amount: amount.value() };
}

function parsePeriod(text: string, whole: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Error(`eviction grace period "${whole}": expected a duration such as 1m30s`);
}

/** What of a resource there is. Bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

/** Below how much the threshold is met. */
export function thresholdAmount({ value }: Threshold, { capacity }: Observation): number {
  return value.kind === "amount" ? value.amount : Math.floor(value.share * capacity);
}
