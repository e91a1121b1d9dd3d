const durationUnits: Readonly<Record<string, number>> = {
  ns: 0.000_001,
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `1m30s`, `0`; undefined for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((it) => it[0]).join("") !== text) return undefined;
  return parts.reduce(
    (sum, [, n = "", unit = ""]) => sum + Number(n) * (durationUnits[unit] ?? 0),
    0,
  );
}

const powers: Readonly<Record<string, number>> = { "": 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of `512m`, `1gb`, `1.5g`, by powers of 1024 as Docker's; undefined for what is no size. */
export function parseBytes(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const power = powers[unit.toLowerCase()];
  if (number === undefined || power === undefined) return undefined;
  return Math.round(Number(number) * 1024 ** power);
}

/**
 * Milliseconds since the epoch of a time, of seconds since the epoch, or of a duration before `now`.
 * @throws {Error} for anything else.
 */
export function timeOf(text: string, now: number): number {
  const before = parseDurationMs(text);
  if (before !== undefined) return now - before;
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new Error(`'${text}' is neither a time nor a duration such as 10m`);
}
