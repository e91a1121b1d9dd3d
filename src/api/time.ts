const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** RFC 3339 in UTC with whole seconds, as `metav1.Time` is written. `ms` is since the epoch. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 in UTC with six digits of a second, as `metav1.MicroTime` is written. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms)) * 1000);
  const text = new Date(Math.floor(ms)).toISOString();
  return `${text.slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * Milliseconds since the epoch of an RFC 3339 time; undefined when the text is not one. Digits
 * below the millisecond are dropped. Refuses what Go's `time.Parse` refuses: 30 February, second 60.
 */
export function parseTime(text: string): number | undefined {
  const found = rfc3339.exec(text);
  if (found === null) return undefined;
  const part = (at: number): number => Number(found[at] ?? 0);
  const [month, day] = [part(2), part(3)];
  const inRange =
    month >= 1 && month <= 12 && day >= 1 && part(4) <= 23 && part(5) <= 59 && part(6) <= 59;
  if (!inRange || part(9) > 24 || part(10) > 59) return undefined;
  const date = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(part(1), month - 1, day);
  if (date.getUTCDate() !== day) return undefined;
  const millis = Number((found[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const local = date.getTime() + part(4) * hour + part(5) * minute + part(6) * second + millis;
  const offset = part(9) * hour + part(10) * minute;
  return found[8] === "-" ? local + offset : local - offset;
}

/**
 * A duration as the AGE column shows it: `5s`, `2m3s`, `3h20m`, `2d5h`, `1y12d`. Up to two seconds
 * of clock difference read as `0s`. Upstream: apimachinery `pkg/util/duration`, `HumanDuration`.
 */
export function formatAge(ms: number): string {
  const seconds = Math.trunc(ms / second);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return pair(days, "d", hours % 24, "h");
  if (days < 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 365 * 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

// A number and its unit, twice, and the second is left out when zero.
function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
