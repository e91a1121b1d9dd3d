/** One `--filter key=value`. */
interface Filter {
  readonly key: string;
  readonly value: string;
}

/** By a filter's key, whether a thing passes its value. */
export type FilterTests<T> = Readonly<Record<string, (thing: T, value: string) => boolean>>;

/** What `--filter` asks for is not known, or not well formed. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

/** Keys of which every value must be there; of others any will do. */
const wholeKeys = ["label", "label!"];

/** Whether things pass `--filter`s as Docker reads them. @throws {FilterError} */
export function filterOf<T>(
  texts: readonly string[],
  tests: FilterTests<T>,
): (thing: T) => boolean {
  const filters = texts.map((it) => parseFilter(it, Object.keys(tests)));
  const keys = [...new Set(filters.map((it) => it.key))];
  return (thing) =>
    keys.every((key) => {
      const passed = filters
        .filter((it) => it.key === key)
        .map((it) => tests[key]?.(thing, it.value) === true);
      return wholeKeys.includes(key) ? !passed.includes(false) : passed.includes(true);
    });
}

function parseFilter(text: string, known: readonly string[]): Filter {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new FilterError(
      `invalid argument "${text}" for --filter: bad format of filter (expected name=value)`,
    );
  }
  const key = text.slice(0, at).trim().toLowerCase();
  const value = text.slice(at + 1).trim();
  if (known.includes(key)) return { key, value };
  throw new FilterError(`invalid filter '${text}': expected one of ${known.join(", ")}`);
}

/** `NAME` or `NAME=VALUE` among labels. */
export function hasLabel(labels: Readonly<Record<string, unknown>>, text: string): boolean {
  const at = text.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, text);
  return (
    Object.hasOwn(labels, text.slice(0, at)) && labels[text.slice(0, at)] === text.slice(at + 1)
  );
}

/** A value that is a pattern, as Docker takes names for. @throws {FilterError} */
export function matchesPattern(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    throw new FilterError(`invalid filter: '${pattern}' is no regular expression`);
  }
}

/** `true`, `1`, `false`, `0`. @throws {FilterError} */
export function isTrueText(text: string, key: string): boolean {
  if (/^(true|1|t)$/i.test(text)) return true;
  if (/^(false|0|f)$/i.test(text)) return false;
  throw new FilterError(`invalid filter '${key}=${text}': expected true or false`);
}
