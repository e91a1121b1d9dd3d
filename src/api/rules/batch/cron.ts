/** Faults of cron schedules, by the rules and words of upstream's parser (`robfig/cron`, standard). */

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun"].concat([
  "jul",
  "aug",
  "sep",
  "oct",
  "nov",
  "dec",
]);
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fields: readonly Bounds[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];

const descriptors = new Set([
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);

/** What is wrong with a schedule, undefined when it is good. A `TZ=` prefix is passed over. */
export function scheduleFault(schedule: string): string | undefined {
  const text = schedule.replace(/^(CRON_)?TZ=\S+\s+/, "");
  if (text.startsWith("@")) return descriptorFault(text);
  const parts = text.split(/\s+/).filter((it) => it !== "");
  if (parts.length !== fields.length) {
    return `expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`;
  }
  for (const [i, part] of parts.entries()) {
    const bounds = fields[i];
    if (bounds === undefined) continue;
    for (const range of part.split(",")) {
      const fault = rangeFault(range, bounds);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function descriptorFault(text: string): string | undefined {
  if (descriptors.has(text)) return undefined;
  if (text.startsWith("@every ")) {
    const duration = text.slice("@every ".length);
    if (/^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$/.test(duration)) return undefined;
    return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`;
  }
  return `unrecognized descriptor: ${text}`;
}

function rangeFault(text: string, bounds: Bounds): string | undefined {
  const [range = "", step, ...more] = text.split("/");
  if (more.length > 0) return `too many slashes: ${text}`;
  const [low = "", high, ...rest] = range.split("-");
  if (rest.length > 0) return `too many hyphens: ${text}`;
  const start = low === "*" || low === "?" ? bounds.min : numberOf(low, bounds);
  const isOpen = high === undefined && (low === "*" || low === "?" || step !== undefined);
  const end = isOpen ? bounds.max : high === undefined ? start : numberOf(high, bounds);
  if (typeof start === "string") return start;
  if (typeof end === "string") return end;
  return boundsFault(start, end, text, bounds) ?? stepFault(step, text);
}

function boundsFault(start: number, end: number, text: string, bounds: Bounds): string | undefined {
  if (start < bounds.min) {
    return `beginning of range (${start}) below minimum (${bounds.min}): ${text}`;
  }
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return undefined;
}

function stepFault(step: string | undefined, text: string): string | undefined {
  if (step === undefined) return undefined;
  if (!/^[0-9]+$/.test(step)) return parseFault(step);
  return Number(step) === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

function numberOf(text: string, bounds: Bounds): number | string {
  const name = bounds.names.indexOf(text.toLowerCase());
  if (name >= 0) return name + bounds.min;
  return /^[0-9]+$/.test(text) ? Number(text) : parseFault(text);
}

function parseFault(text: string): string {
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}

/** True for a name of the time zone database. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
