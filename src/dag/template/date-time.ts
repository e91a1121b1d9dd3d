import { formatOffset } from "#dag/timetable/moment.ts";
import { fromWallClock, offsetAt, toWallClock } from "#dag/timetable/time-zone.ts";
import { TemplateError } from "./ast.ts";
import { isoWeek, strftime } from "./strftime.ts";
import {
  argument,
  numberOf,
  stringOf,
  type Call,
  type TemplateObject,
  type Value,
} from "./values.ts";

const dayMs = 86_400_000;

/** A length of time; Python's timedelta. */
export class TimeDelta implements TemplateObject {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  get order(): number {
    return this.ms;
  }

  attribute(name: string): Value | undefined {
    if (name === "total_seconds") return () => this.ms / 1_000;
    if (name === "days") return Math.floor(this.ms / dayMs);
    const rest = this.ms - Math.floor(this.ms / dayMs) * dayMs;
    if (name === "seconds") return Math.floor(rest / 1_000);
    return name === "microseconds" ? (rest % 1_000) * 1_000 : undefined;
  }

  text(): string {
    const days = Math.floor(this.ms / dayMs);
    const seconds = Math.floor((this.ms - days * dayMs) / 1_000);
    const two = (it: number): string => String(it).padStart(2, "0");
    const clock = `${Math.floor(seconds / 3_600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    return days === 0 ? clock : `${days} day${Math.abs(days) === 1 ? "" : "s"}, ${clock}`;
  }

  combine(operator: string, other: Value, swapped: boolean): Value | undefined {
    if (other instanceof TimeDelta) {
      if (operator === "+") return new TimeDelta(this.ms + other.ms);
      if (operator === "-") return new TimeDelta(swapped ? other.ms - this.ms : this.ms - other.ms);
      return operator === "/" && !swapped ? this.ms / other.ms : undefined;
    }
    if (typeof other !== "number") return undefined;
    if (operator === "*") return new TimeDelta(this.ms * other);
    if (operator === "-" && swapped && other === 0) return new TimeDelta(-this.ms);
    return operator === "/" && !swapped ? new TimeDelta(this.ms / other) : undefined;
  }
}

/** `timedelta(days=1, hours=2)`. */
export function timedelta(call: Call): TimeDelta {
  const units = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
  const lengths = [dayMs, 1_000, 0.001, 1, 60_000, 3_600_000, 7 * dayMs];
  const unknown = [...call.named.keys()].find((it) => !units.includes(it));
  if (unknown !== undefined) throw new TemplateError(`timedelta has no '${unknown}'`);
  return new TimeDelta(
    units.reduce(
      (sum, unit, at) => sum + numberOf(argument(call, unit, at), 0) * (lengths[at] ?? 0),
      0,
    ),
  );
}

/** Stands for no time zone: a reading of some clock, kept as if it were UTC's. */
export const naive = "";

/** A moment on the clock of a time zone, as Airflow gives it to templates (pendulum). */
export class DateTime implements TemplateObject {
  readonly ms: number;
  readonly zone: string;
  readonly #naive: boolean;

  /** @param zone see {@link naive}. */
  constructor(ms: number, zone: string) {
    this.ms = ms;
    this.zone = zone === naive ? "UTC" : zone;
    this.#naive = zone === naive;
  }

  get order(): number {
    return this.ms;
  }

  get #kept(): string {
    return this.#naive ? naive : this.zone;
  }

  get #wall(): Date {
    return new Date(toWallClock(this.ms, this.zone));
  }

  text(): string {
    return this.isoformat(" ");
  }

  isoformat(separator: string): string {
    const wall = this.#wall.toISOString();
    const fraction = wall.slice(20, 23) === "000" ? "" : `.${wall.slice(20, 23)}000`;
    const offset = this.#naive ? "" : formatOffset(offsetAt(this.ms, this.zone));
    return `${wall.slice(0, 10)}${separator}${wall.slice(11, 19)}${fraction}${offset}`;
  }

  strftime(format: string): string {
    const offset = formatOffset(offsetAt(this.ms, this.zone)).replace(":", "");
    return strftime({ wall: this.#wall, offset, zone: this.#abbreviation() }, format);
  }

  #abbreviation(): string {
    if (this.zone === "UTC") return this.#naive ? "" : "UTC";
    // American names are known to the one, European ones to the other.
    const names = ["en-US", "en-GB"].map((locale) => zoneName(this.ms, this.zone, locale));
    return names.find((it) => !it.startsWith("GMT")) ?? names[0] ?? this.zone;
  }

  attribute(name: string): Value | undefined {
    return fields.get(name)?.(this.#wall, this) ?? methods.get(name)?.(this);
  }

  combine(operator: string, other: Value, swapped: boolean): Value | undefined {
    if (other instanceof TimeDelta && (operator === "+" || (operator === "-" && !swapped))) {
      return this.plus(operator === "+" ? other.ms : -other.ms);
    }
    if (other instanceof DateTime && operator === "-") {
      return new TimeDelta(swapped ? other.ms - this.ms : this.ms - other.ms);
    }
    return undefined;
  }

  /** Whole days go by the wall clock, the rest by elapsed time. */
  plus(ms: number): DateTime {
    if (ms % dayMs !== 0) return new DateTime(this.ms + ms, this.#kept);
    return this.at(toWallClock(this.ms, this.zone) + ms);
  }

  /** The moment at which the zone's clock reads `wall`. */
  at(wall: number): DateTime {
    return new DateTime(fromWallClock(wall, this.zone), this.#kept);
  }

  /** @param sign 1 or -1. */
  shift(call: Call, sign: number): DateTime {
    const amount = (unit: string): number => sign * numberOf(call.named.get(unit), 0);
    const wall = this.#wall;
    const day = wall.getUTCDate();
    wall.setUTCDate(1);
    wall.setUTCMonth(wall.getUTCMonth() + amount("months") + 12 * amount("years"));
    const last = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate();
    wall.setUTCDate(Math.min(day, last));
    const days = amount("days") + 7 * amount("weeks");
    const moved = this.at(wall.getTime() + days * dayMs);
    const rest = amount("hours") * 3_600 + amount("minutes") * 60 + amount("seconds");
    return new DateTime(moved.ms + rest * 1_000, this.#kept);
  }

  /** @param end whether the last moment of the unit is meant. */
  boundary(unit: string, end: boolean): DateTime {
    const wall = this.#wall;
    const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()];
    const monday = day - ((wall.getUTCDay() + 6) % 7);
    const starts: Readonly<Record<string, readonly [number, number]>> = {
      minute: [Math.floor(wall.getTime() / 60_000) * 60_000, 60_000],
      hour: [Math.floor(wall.getTime() / 3_600_000) * 3_600_000, 3_600_000],
      day: [Date.UTC(year, month, day), dayMs],
      week: [Date.UTC(year, month, monday), 7 * dayMs],
      month: [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1) - Date.UTC(year, month, 1)],
      year: [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)],
    };
    const found = starts[unit];
    if (found === undefined) throw new TemplateError(`unknown unit '${unit}'`);
    return this.at(found[0] + (end ? found[1] - 1 : 0));
  }

  replace(call: Call): DateTime {
    const wall = this.#wall;
    const part = (unit: string, now: number): number => numberOf(call.named.get(unit), now);
    return this.at(
      Date.UTC(
        part("year", wall.getUTCFullYear()),
        part("month", wall.getUTCMonth() + 1) - 1,
        part("day", wall.getUTCDate()),
        part("hour", wall.getUTCHours()),
        part("minute", wall.getUTCMinutes()),
        part("second", wall.getUTCSeconds()),
        part("microsecond", wall.getUTCMilliseconds() * 1_000) / 1_000,
      ),
    );
  }
}

function zoneName(ms: number, timeZone: string, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "short" });
  return format.formatToParts(ms).find((it) => it.type === "timeZoneName")?.value ?? timeZone;
}

type Field = (wall: Date, it: DateTime) => Value;

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["year", (wall) => wall.getUTCFullYear()],
  ["month", (wall) => wall.getUTCMonth() + 1],
  ["day", (wall) => wall.getUTCDate()],
  ["hour", (wall) => wall.getUTCHours()],
  ["minute", (wall) => wall.getUTCMinutes()],
  ["second", (wall) => wall.getUTCSeconds()],
  ["microsecond", (wall) => wall.getUTCMilliseconds() * 1_000],
  ["day_of_week", (wall) => (wall.getUTCDay() + 6) % 7],
  ["week_of_year", (wall) => isoWeek(wall).week],
  ["quarter", (wall) => Math.floor(wall.getUTCMonth() / 3) + 1],
  ["int_timestamp", (_, it) => Math.floor(it.ms / 1_000)],
  ["timezone_name", (_, it) => it.zone],
]);

type MethodOf = (it: DateTime) => (call: Call) => Value;

const methods: ReadonlyMap<string, MethodOf> = new Map<string, MethodOf>([
  ["strftime", (it) => (call) => it.strftime(stringOf(argument(call, "format", 0)))],
  ["isoformat", (it) => (call) => it.isoformat(stringOf(argument(call, "sep", 0), "T"))],
  ["to_iso8601_string", (it) => () => it.isoformat("T").replace("+00:00", "Z")],
  ["to_date_string", (it) => () => it.strftime("%Y-%m-%d")],
  ["to_datetime_string", (it) => () => it.strftime("%Y-%m-%d %H:%M:%S")],
  ["to_time_string", (it) => () => it.strftime("%H:%M:%S")],
  ["date", (it) => () => it.strftime("%Y-%m-%d")],
  ["timestamp", (it) => () => it.ms / 1_000],
  ["weekday", (it) => () => Number(it.strftime("%u")) - 1],
  ["isoweekday", (it) => () => Number(it.strftime("%u"))],
  ["add", (it) => (call) => it.shift(call, 1)],
  ["subtract", (it) => (call) => it.shift(call, -1)],
  ["start_of", (it) => (call) => it.boundary(stringOf(call.positional[0]), false)],
  ["end_of", (it) => (call) => it.boundary(stringOf(call.positional[0]), true)],
  ["replace", (it) => (call) => it.replace(call)],
  ["in_timezone", inZone],
  ["in_tz", inZone],
]);

function inZone(it: DateTime): (call: Call) => Value {
  return (call) => new DateTime(it.ms, stringOf(argument(call, "tz", 0)));
}
