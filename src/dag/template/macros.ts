import { parseMoment } from "#dag/timetable/moment.ts";
import { TemplateError } from "./ast.ts";
import { DateTime, naive, timedelta } from "./date-time.ts";
import { dumpJson } from "./filters.ts";
import { strftime, strptime } from "./strftime.ts";
import { argument, numberOf, stringOf, toValue, type Call, type Value } from "./values.ts";

const dayMs = 86_400_000;

/** The reading of a text without a zone. @throws {TemplateError} when it does not fit the format. */
function reading(text: string, format: string): number {
  const wall = strptime(text, format);
  if (wall !== undefined) return wall;
  throw new TemplateError(`'${text}' does not match the format '${format}'`);
}

function format(wall: number, pattern: string): string {
  return strftime({ wall: new Date(wall), offset: "", zone: "" }, pattern);
}

/** Adds days to a `2026-01-31`. */
function dsAdd(call: Call): Value {
  const days = numberOf(argument(call, "days", 1), 0);
  const text = stringOf(argument(call, "ds", 0));
  return days === 0 ? text : format(reading(text, "%Y-%m-%d") + days * dayMs, "%Y-%m-%d");
}

function dsFormat(call: Call): Value {
  const text = stringOf(argument(call, "ds", 0));
  const from = stringOf(argument(call, "input_format", 1));
  return format(reading(text, from), stringOf(argument(call, "output_format", 2)));
}

/** In words: `2 days ago`. As pendulum's `diff_for_humans`. */
function difference(call: Call, now: number): Value {
  const at = momentOf(call.positional[0]);
  const since = call.positional[1] ?? call.named.get("since");
  const to = since === undefined || since === null ? now : momentOf(since);
  const words = inWords(Math.abs(at - to));
  if (since === undefined || since === null) return at > to ? `in ${words}` : `${words} ago`;
  return at >= to ? `${words} after` : `${words} before`;
}

function momentOf(value: Value | undefined): number {
  if (value instanceof DateTime) return value.ms;
  return parseMoment(stringOf(value), "UTC");
}

function inWords(ms: number): string {
  const units: readonly (readonly [string, number])[] = [
    ["year", 365 * dayMs],
    ["month", 30 * dayMs],
    ["week", 7 * dayMs],
    ["day", dayMs],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ];
  const [name, length] = units.find((it) => ms >= it[1]) ?? ["second", 1_000];
  const count = Math.floor(ms / length);
  if (name === "second" && count < 10) return "a few seconds";
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

function datetimeModule(now: number): Value {
  const made = (call: Call): Value => {
    const part = (name: string, place: number, fallback: number): number =>
      numberOf(argument(call, name, place), fallback);
    const date = [part("year", 0, 1970), part("month", 1, 1) - 1, part("day", 2, 1)] as const;
    const time = [part("hour", 3, 0), part("minute", 4, 0), part("second", 5, 0)] as const;
    return new DateTime(Date.UTC(...date, ...time), naive);
  };
  const parse = (call: Call): Value =>
    new DateTime(reading(stringOf(call.positional[0]), stringOf(call.positional[1])), naive);
  return {
    attribute: (name) => {
      if (name === "__call__") return made;
      if (name === "strptime") return parse;
      if (name === "fromisoformat") {
        return (call) => new DateTime(parseMoment(stringOf(call.positional[0]), "UTC"), "UTC");
      }
      return name === "now" || name === "utcnow" ? () => new DateTime(now, "UTC") : undefined;
    },
    text: () => "<class 'datetime.datetime'>",
  };
}

/** Airflow's `macros`. @param now in milliseconds since the epoch. */
export function macros(now: number): Value {
  return new Map<string, Value>([
    ["ds_add", dsAdd],
    ["ds_format", dsFormat],
    ["datetime_diff_for_humans", (call) => difference(call, now)],
    ["timedelta", timedelta],
    ["datetime", datetimeModule(now)],
    [
      "json",
      new Map<string, Value>([
        ["dumps", (call) => dumpJson(call.positional[0] ?? null)],
        ["loads", (call) => toValue(JSON.parse(stringOf(call.positional[0])))],
      ]),
    ],
    ["time", new Map<string, Value>([["time", () => now / 1_000]])],
  ]);
}
