import { TemplateError } from "./syntax.ts";
import { showValue } from "./values.ts";

/** What a verb makes of a value; numbers have decimals only where some are asked for. */
const verbs: Readonly<Record<string, (value: unknown, precision: number | undefined) => string>> = {
  v: showValue,
  s: (value, precision) => showValue(value).slice(0, precision),
  q: (value) => JSON.stringify(showValue(value)),
  d: (value) => String(Math.trunc(Number(value))),
  f: (value, precision = 6) => Number(value).toFixed(precision),
  g: (value) => String(Number(value)),
  x: (value) =>
    typeof value === "number" ? value.toString(16) : Buffer.from(showValue(value)).toString("hex"),
  t: (value) => String(value === true),
  c: (value) => String.fromCodePoint(Number(value)),
};

/** No field is wider. */
const widthMax = 10_000;

/** fmt.Sprintf with the verbs of texts and numbers. @throws {TemplateError} for others. */
export function formatPrintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replaceAll(directive, (...found: readonly unknown[]) => {
    const [whole = "", flags = "", width = "", precision, verb = ""] = found as Directive;
    if (verb === "%") return "%";
    const write = verbs[verb];
    if (write === undefined) throw new TemplateError(`printf: ${whole} is not supported`);
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next++];
    const shown = write(value, precision === undefined ? undefined : Number(precision));
    const sign = flags.includes("+") && typeof value === "number" && value >= 0 ? "+" : "";
    return padded(`${sign}${shown}`, flags, Math.min(Number(width), widthMax));
  });
}

/** The whole of it, its flags, width, precision and verb. */
type Directive = readonly (string | undefined)[];

const directive = /%([-+0 #]*)(\d*)(?:\.(\d*))?(.)/gsu;

function padded(shown: string, flags: string, width: number): string {
  if (flags.includes("-")) return shown.padEnd(width);
  return shown.padStart(width, flags.includes("0") ? "0" : " ");
}
