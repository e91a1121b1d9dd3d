import { Cron } from "croner";
import { parseTime } from "#api/time.ts";

/** The times of a schedule, in milliseconds since the epoch. */
export interface Schedule {
  /** The first time after `after`; undefined when there is none. */
  next(after: number): number | undefined;
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
/** Where a field of `start/step` ends, by its place. */
const fieldsMax = [59, 23, 31, 12, 6];

/**
 * A schedule as `robfig/cron` reads it, which Kubernetes uses: five fields, descriptors, `@every`.
 * Hours that a change to summer time leaves out are passed over. @param start of an `@every`.
 * @throws {Error} when it is none; validation has refused that before.
 */
export function parseSchedule(text: string, timeZone: string | undefined, start: string): Schedule {
  const [, own, bare = text] = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text) ?? [];
  if (bare.startsWith("@every ")) return every(durationMs(bare.slice(7)), parseTime(start) ?? 0);
  const zone = timeZone ?? own ?? "Etc/UTC";
  const cron = new Cron(standard(bare), { timezone: zone, paused: true, mode: "5-part" });
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
  };
}

/** In the words of the library: `?` is any, and a start with a step is a range. */
function standard(text: string): string {
  if (text.startsWith("@")) return text === "@midnight" ? "@daily" : text;
  return text
    .trim()
    .split(/\s+/)
    .map((field, index) =>
      field
        .replaceAll("?", "*")
        .split(",")
        .map((it) => it.replace(/^([^*/-]+)\/(\d+)$/, `$1-${fieldsMax[index] ?? 0}/$2`))
        .join(","),
    )
    .join(" ");
}

/** Whole seconds, at least one. */
function durationMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * (unitsMs[unit] ?? 0);
  }
  return Math.max(1_000, Math.floor(sum / 1_000) * 1_000);
}

function every(stepMs: number, start: number): Schedule {
  return {
    next: (after) => start + (Math.floor(Math.max(0, after - start) / stepMs) + 1) * stepMs,
  };
}
