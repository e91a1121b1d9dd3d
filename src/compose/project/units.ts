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
