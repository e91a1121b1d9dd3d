import { fromWallClock, offsetAt, toWallClock } from "./time-zone.ts";

const pattern =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * Milliseconds since the epoch of an ISO 8601 text; without offset it is read on the wall clock of
 * `timeZone`. @throws {Error} when it is none.
 */
export function parseMoment(text: string, timeZone: string): number {
  const match = pattern.exec(text.trim());
  const [year, month, day, hour, minute, second] = (match ?? [])
    .slice(1, 7)
    .map((it: string | undefined) => Number(it ?? 0));
  if (match === null || year === undefined || month === undefined || day === undefined) {
    throw new Error(`bad date '${text}': expected one such as 2026-01-31 or 2026-01-31T06:00:00Z`);
  }
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(wall);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || (minute ?? 0) > 59) {
    throw new Error(`bad date '${text}': there is no such day or time`);
  }
  const at = wall + Math.floor(Number(`0.${match[7] ?? 0}`) * 1_000);
  const zone = match[8];
  if (zone === undefined) return fromWallClock(at, timeZone);
  if (zone.toUpperCase() === "Z") return at;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const ahead = (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
  return zone.startsWith("-") ? at + ahead : at - ahead;
}

/** As Python's `isoformat`: `2026-01-31T00:00:00+00:00`, with microseconds where there are any. */
export function formatMoment(at: number, timeZone = "UTC"): string {
  const wall = new Date(toWallClock(at, timeZone)).toISOString();
  const fraction = wall.slice(19, 23) === ".000" ? "" : `${wall.slice(19, 23)}000`;
  return `${wall.slice(0, 19)}${fraction}${formatOffset(offsetAt(at, timeZone))}`;
}

/** `+02:00` */
export function formatOffset(offsetMs: number): string {
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const two = (it: number): string => String(it).padStart(2, "0");
  return `${offsetMs < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
