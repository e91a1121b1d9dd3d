import type { Column } from "#api/strategy.ts";
import { formatAge, parseTime } from "#api/time.ts";
import type { Container, LabelSelector, ObjectMeta } from "#api/gen/types.ts";
import type { Loose, Printer } from "./rules.ts";

/** The first column of almost every table. */
export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique among its kind in the namespace.",
  priority: 0,
};

export const ageColumn = column("Age", "Time since the object was created.");

/** A text column that always shows. */
export function column(name: string, description: string): Column {
  return { name, type: "string", format: "", description, priority: 0 };
}

/** A text column of `-o wide`. */
export function wideColumn(name: string, description: string): Column {
  return { ...column(name, description), priority: 1 };
}

/** A number or truth value that always shows. */
export function typedColumn(
  name: string,
  type: "integer" | "boolean",
  description: string,
): Column {
  return { ...column(name, description), type };
}

interface Named {
  readonly metadata?: Loose<ObjectMeta> | undefined;
}

export function nameOf(object: Named): string {
  return object.metadata?.name ?? "";
}

export function ageOf(object: Named, nowMs: number): string {
  return ageSince(object.metadata?.creationTimestamp, nowMs);
}

/** How long ago an RFC 3339 time was; `<unknown>` when there is none. */
export function ageSince(time: string | undefined, nowMs: number): string {
  const ms = time === undefined ? undefined : parseTime(time);
  return ms === undefined ? "<unknown>" : formatAge(nowMs - ms);
}

/** Kinds without columns of their own. */
export const namePrinter: Printer<unknown> = {
  columns: [nameColumn, ageColumn],
  cells: (object: Named, nowMs) => [nameOf(object), ageOf(object, nowMs)],
};

/** Kinds that show when they were made, not how long ago. Upstream: its default table. */
export const createdAtPrinter: Printer<unknown> = {
  columns: [nameColumn, { ...column("Created At", "When the object was created."), type: "date" }],
  cells: (object: Named) => [nameOf(object), object.metadata?.creationTimestamp ?? null],
};

export const containersColumn = wideColumn("Containers", "Names of the containers.");
export const imagesColumn = wideColumn("Images", "Images of the containers.");
export const selectorColumn = wideColumn("Selector", "Which pods it selects.");

export function containerNames(containers: readonly Loose<Container>[] | undefined): string {
  return (containers ?? []).map((it) => it.name ?? "").join(",");
}

export function containerImages(containers: readonly Loose<Container>[] | undefined): string {
  return (containers ?? []).map((it) => it.image ?? "").join(",");
}

/** `a=b,c=d` in order of the keys; `<none>` when empty. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}

/** A selector as `kubectl -l` reads it; `<none>` when it selects everything or is absent. */
export function formatSelector(selector: Loose<LabelSelector> | undefined): string {
  if (selector === undefined) return "<none>";
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  for (const it of selector.matchExpressions ?? []) {
    const key = it.key ?? "";
    parts.push({ key, text: formatRequirement(key, it.operator ?? "", it.values ?? []) });
  }
  if (parts.length === 0) return "<none>";
  parts.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return parts.map((it) => it.text).join(",");
}

function formatRequirement(key: string, operator: string, values: readonly string[]): string {
  const list = [...values].sort().join(",");
  if (operator === "In") return `${key} in (${list})`;
  if (operator === "NotIn") return `${key} notin (${list})`;
  return operator === "Exists" ? key : `!${key}`;
}

/** The first three, and how many more there are. Upstream: `listWithMoreString`. */
export function formatFew(list: readonly string[], empty: string): string {
  const max = 3;
  if (list.length === 0) return empty;
  const shown = list.slice(0, max).join(",");
  return list.length > max ? `${shown} + ${list.length - max} more...` : shown;
}

/** Empty and absent text reads `<none>`. */
export function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}
