import { parseBytes, parseDurationMs } from "#base/amounts.ts";
import type { Reading } from "./reading.ts";

/** Milliseconds of `1m30s`; undefined when absent. Compose specification, "Specifying durations". */
export function durationMs(reading: Reading): number | undefined {
  const text = reading.text();
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined) {
    throw reading.fail(`'${text}' is no duration; expected one like 10s or 1m30s`);
  }
  return ms;
}

/** Bytes of `512m`, `1gb`, `1.5g`; undefined when absent. Units are powers of 1024, as Docker's. */
export function bytes(reading: Reading): number | undefined {
  const text = reading.text();
  if (text === undefined) return undefined;
  const size = parseBytes(text);
  if (size === undefined) throw reading.fail(`'${text}' is no size; expected one like 512m or 1gb`);
  return size;
}

const durationUnits = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 0.001 } as const;

/** Milliseconds as a duration of the specification: `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let text = "";
  for (const unit of ["h", "m", "s", "ms", "us"] as const) {
    const size = durationUnits[unit];
    const count = Math.floor(rest / size + 1e-9);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
