import { TemplateError } from "./ast.ts";

const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** A reading of a wall clock, as a date of UTC, with the zone's offset as `+0200` and its name. */
export interface Reading {
  readonly wall: Date;
  readonly offset: string;
  readonly zone: string;
}

function two(value: number, fill = "0"): string {
  return String(value).padStart(2, fill);
}

function dayOfYear(wall: Date): number {
  return Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

/** Year and week by ISO 8601: the week belongs to the year of its Thursday. */
export function isoWeek(wall: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(wall.getTime());
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7));
  return { year: thursday.getUTCFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

function hour12(wall: Date): number {
  return wall.getUTCHours() % 12 === 0 ? 12 : wall.getUTCHours() % 12;
}

const directives: Readonly<Record<string, (it: Reading) => string>> = {
  Y: ({ wall }) => String(wall.getUTCFullYear()).padStart(4, "0"),
  y: ({ wall }) => two(wall.getUTCFullYear() % 100),
  G: ({ wall }) => String(isoWeek(wall).year),
  m: ({ wall }) => two(wall.getUTCMonth() + 1),
  B: ({ wall }) => months[wall.getUTCMonth()] ?? "",
  b: ({ wall }) => (months[wall.getUTCMonth()] ?? "").slice(0, 3),
  d: ({ wall }) => two(wall.getUTCDate()),
  e: ({ wall }) => two(wall.getUTCDate(), " "),
  j: ({ wall }) => String(dayOfYear(wall)).padStart(3, "0"),
  A: ({ wall }) => days[wall.getUTCDay()] ?? "",
  a: ({ wall }) => (days[wall.getUTCDay()] ?? "").slice(0, 3),
  w: ({ wall }) => String(wall.getUTCDay()),
  u: ({ wall }) => String(((wall.getUTCDay() + 6) % 7) + 1),
  V: ({ wall }) => two(isoWeek(wall).week),
  U: ({ wall }) => two(Math.floor((dayOfYear(wall) + 6 - wall.getUTCDay()) / 7)),
  W: ({ wall }) => two(Math.floor((dayOfYear(wall) + 6 - ((wall.getUTCDay() + 6) % 7)) / 7)),
  H: ({ wall }) => two(wall.getUTCHours()),
  I: ({ wall }) => two(hour12(wall)),
  p: ({ wall }) => (wall.getUTCHours() < 12 ? "AM" : "PM"),
  M: ({ wall }) => two(wall.getUTCMinutes()),
  S: ({ wall }) => two(wall.getUTCSeconds()),
  f: ({ wall }) => `${String(wall.getUTCMilliseconds()).padStart(3, "0")}000`,
  z: ({ offset }) => offset,
  Z: ({ zone }) => zone,
  s: ({ wall, offset }) => {
    const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3));
    const ahead = (offset.startsWith("-") ? -minutes : minutes) * 60_000;
    return String(Math.floor((wall.getTime() - ahead) / 1_000));
  },
  "%": () => "%",
};

const compound: Readonly<Record<string, string>> = {
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  R: "%H:%M",
  D: "%m/%d/%y",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
  c: "%a %b %e %H:%M:%S %Y",
};

/** As Python's `strftime` in the C locale. @throws {TemplateError} for an unknown directive. */
export function strftime(reading: Reading, format: string): string {
  return format.replaceAll(/%(-?)(.)/gs, (_, bare: string, letter: string) => {
    const whole = compound[letter];
    if (whole !== undefined) return strftime(reading, whole);
    const directive = directives[letter];
    if (directive === undefined) throw new TemplateError(`unknown directive '%${letter}'`);
    const text = directive(reading);
    return bare === "" ? text : text.replace(/^[0 ]+(?=\d)/, "");
  });
}

/** Reads a text by a `strptime` format, as a wall clock's reading; undefined when it does not fit. */
export function strptime(text: string, format: string): number | undefined {
  const fields: string[] = [];
  const pattern = format
    .replaceAll("%F", "%Y-%m-%d")
    .replaceAll("%T", "%H:%M:%S")
    .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/%(.)/g, (_, letter: string) => {
      if (letter === "%") return "%";
      fields.push(letter);
      return parsers[letter] ?? "($^)";
    });
  const match = new RegExp(`^${pattern}$`, "i").exec(text);
  if (match === null) return undefined;
  const found = new Map(fields.map((letter, at) => [letter, match[at + 1] ?? ""]));
  return readingOf(found);
}

const parsers: Readonly<Record<string, string>> = {
  Y: String.raw`(\d{4})`,
  y: String.raw`(\d{2})`,
  m: String.raw`(\d{1,2})`,
  d: String.raw`(\d{1,2})`,
  H: String.raw`(\d{1,2})`,
  I: String.raw`(\d{1,2})`,
  M: String.raw`(\d{1,2})`,
  S: String.raw`(\d{1,2})`,
  f: String.raw`(\d{1,6})`,
  j: String.raw`(\d{1,3})`,
  p: "(AM|PM)",
  B: `(${months.join("|")})`,
  b: `(${months.map((it) => it.slice(0, 3)).join("|")})`,
  A: `(${days.join("|")})`,
  a: `(${days.map((it) => it.slice(0, 3)).join("|")})`,
};

function readingOf(found: ReadonlyMap<string, string>): number | undefined {
  const number = (letter: string, fallback: number): number =>
    Number(found.get(letter) ?? fallback);
  const month = monthOf(found);
  const day = number("d", 1);
  const afternoon = found.get("p")?.toUpperCase() === "PM" ? 12 : 0;
  const hour = number("H", (number("I", 0) % 12) + afternoon);
  const wall = new Date(Date.UTC(yearOf(found), month, day, hour, number("M", 0), number("S", 0)));
  if (wall.getUTCMonth() !== month || wall.getUTCDate() !== day) return undefined;
  return wall.getTime() + Math.floor(Number(`0.${found.get("f") ?? "0"}`) * 1_000);
}

/** Two digits are of 1969 to 2068; without any it is 1900, as in Python. */
function yearOf(found: ReadonlyMap<string, string>): number {
  const short = Number(found.get("y") ?? 0);
  if (!found.has("y")) return Number(found.get("Y") ?? 1900);
  return short + (short < 69 ? 2000 : 1900);
}

/** From 0. */
function monthOf(found: ReadonlyMap<string, string>): number {
  const name = (found.get("B") ?? found.get("b"))?.slice(0, 3).toLowerCase();
  const named = months.findIndex((it) => it.slice(0, 3).toLowerCase() === name);
  return Number(found.get("m") ?? Math.max(0, named) + 1) - 1;
}
