/** What a template may show of one thing; functions are called with what stands after them. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What `if` and `and` take for true: text/template `IsTrue`. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isFields(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As `%v` prints it: `map[a:1]`, `[a b]`; nothing is `<no value>`. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(showInner).join(" ")}]`;
  if (!isFields(value)) return typeof value === "function" ? "<func>" : JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([name, it]) => `${name}:${showInner(it)}`).join(" ")}]`;
}

function showInner(value: unknown): string {
  return value === undefined || value === null ? "<nil>" : showValue(value);
}

/** As JSON; nothing is `null`. */
export function jsonOf(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}
