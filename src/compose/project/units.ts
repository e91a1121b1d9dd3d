import type { Reading } from "./reading.ts";

const durationUnits: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `1m30s`; undefined when absent. Compose specification, "Specifying durations". */
export function durationMs(reading: Reading): number | undefined {
  const text = reading.text();
  if (text === undefined) return undefined;
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((it) => it[0]).join("") !== text) {
    throw reading.fail(`'${text}' is no duration; expected one like 10s or 1m30s`);
  }
  return parts.reduce(
    (sum, [, n = "", unit = ""]) => sum + Number(n) * (durationUnits[unit] ?? 0),
    0,
  );
}

const powers: Readonly<Record<string, number>> = { "": 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of `512m`, `1gb`, `1.5g`; undefined when absent. Units are powers of 1024, as Docker's. */
export function bytes(reading: Reading): number | undefined {
  const text = reading.text();
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const power = powers[unit.toLowerCase()];
  if (number === undefined || power === undefined) {
    throw reading.fail(`'${text}' is no size; expected one like 512m or 1gb`);
  }
  return Math.round(Number(number) * 1024 ** power);
}

/** Milliseconds as a duration of the specification: `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let text = "";
  for (const unit of ["h", "m", "s", "ms", "us"] as const) {
    const size = durationUnits[unit] ?? 1;
    const count = Math.floor(rest / size + 1e-9);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
