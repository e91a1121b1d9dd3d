const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A length of time: `90s`, `5m`, `1h30m`, `2d`, or a number of seconds. */
export type Duration = string | number;

/** Milliseconds of a duration. @throws {Error} when it is none. */
export function durationMs(duration: Duration): number {
  if (typeof duration === "number") {
    if (Number.isFinite(duration) && duration >= 0) return Math.round(duration * 1_000);
  } else if (/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(duration)) {
    let sum = 0;
    for (const [, amount, unit = ""] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
      sum += Number(amount) * (unitsMs[unit] ?? 0);
    }
    return Math.round(sum);
  }
  throw new Error(`bad duration '${duration}': expected one such as 30s, 5m, 1h30m or 2d`);
}
