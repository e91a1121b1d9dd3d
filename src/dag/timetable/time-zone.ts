const dayMs = 86_400_000;
const zonesMax = 600;
const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws {RangeError} for an unknown time zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  if (formats.size < zonesMax) formats.set(timeZone, format);
  return format;
}

/** Whether the time zone is one of the database's names, or UTC. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/**
 * The wall clock's reading in a time zone, as the milliseconds at which a clock in UTC reads the
 * same. @throws {RangeError} for an unknown time zone.
 */
export function toWallClock(at: number, timeZone: string): number {
  if (timeZone === "UTC") return at;
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map((it) => [it.type, it.value]),
  );
  function part(type: Intl.DateTimeFormatPartTypes): number {
    return Number(parts.get(type));
  }
  const year = parts.get("era") === "BC" ? 1 - part("year") : part("year");
  const wall = Date.UTC(2000, part("month") - 1, part("day"), part("hour"), part("minute"));
  const date = new Date(wall + part("second") * 1_000);
  date.setUTCFullYear(year, part("month") - 1, part("day"));
  return date.getTime() + (((at % 1_000) + 1_000) % 1_000);
}

/** How far the zone's clock is ahead of UTC, in milliseconds. */
export function offsetAt(at: number, timeZone: string): number {
  return toWallClock(at, timeZone) - at;
}

/**
 * The moment at which the wall clock reads `wall`. Of two, where the clock is put back, the second;
 * where it is put forward and skips the reading, the moment that many minutes after the skip began.
 * As Airflow's `make_aware`.
 */
export function fromWallClock(wall: number, timeZone: string): number {
  if (timeZone === "UTC") return wall;
  const before = offsetAt(wall - dayMs, timeZone);
  const after = offsetAt(wall + dayMs, timeZone);
  if (before === after) return wall - before;
  const late = wall - after;
  return offsetAt(late, timeZone) === after ? late : wall - before;
}
