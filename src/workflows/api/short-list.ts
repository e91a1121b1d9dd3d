import type { Json, JsonObject } from "#api/object.ts";
import {
  pageLimitDefault,
  pageLimitMax,
  type Filter,
  type ListQuery,
  type ListSpec,
} from "./list.ts";
import { badRequest } from "./problem.ts";

/** A list that is so short that it is made as a whole; its columns are fields of what it shows. */
export type ShortListSpec = Omit<ListSpec, "key">;

/**
 * What a list's parameters ask for, and how many there are on all pages.
 * @throws {ApiProblem} 400 for an unknown order.
 */
export function shortPage(
  all: readonly JsonObject[],
  spec: ShortListSpec,
  query: ListQuery,
): { readonly shown: JsonObject[]; readonly total: number } {
  const found = all.filter((it) => spec.filters.every((filter) => fits(it, filter, query)));
  const names = query.order_by ?? [];
  for (const name of (names.length === 0 ? spec.defaultOrder : names).toReversed()) {
    const bare = name.replace(/^-/, "");
    const field = Object.hasOwn(spec.order, bare) ? spec.order[bare] : undefined;
    if (field === undefined) {
      throw badRequest(
        `Ordering with '${bare}' is disallowed or the attribute does not exist on the model`,
      );
    }
    const sign = name.startsWith("-") ? -1 : 1;
    found.sort((a, b) => sign * compare(a[field] ?? null, b[field] ?? null));
  }
  const limit = query.limit === 0 ? pageLimitDefault : Math.min(query.limit, pageLimitMax);
  return { shown: found.slice(query.offset, query.offset + limit), total: found.length };
}

/** Numbers by value, anything else by its text; nothing comes first. */
export function compare(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [textOf(a), textOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function textOf(value: Json): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function fits(it: JsonObject, filter: Filter, query: ListQuery): boolean {
  const value = it[filter.column] ?? null;
  const wanted = query[filter.name];
  switch (filter.kind) {
    case "equal":
      return wanted === undefined || wanted === value;
    case "any":
      return !Array.isArray(wanted) || wanted.length === 0 || wanted.includes(value);
    case "range":
      return isWithin(filter.of === "date" ? momentOf(value) : value, boundsOf(filter, query));
    case "pattern": {
      const text = textOf(value);
      const parts = termsOf(query[`${filter.name}_pattern`]);
      const beginnings = termsOf(query[`${filter.name}_prefix_pattern`]);
      return (
        parts.some((term) => text.toLowerCase().includes(term.replaceAll("%", "").toLowerCase())) &&
        beginnings.some((term) => text.startsWith(term))
      );
    }
  }
}

/** `a|b` asks for either; `~`, or nothing, for all. */
function termsOf(value: unknown): readonly string[] {
  const terms = typeof value === "string" && value !== "~" ? value.split("|") : [];
  const given = terms.filter((it) => it !== "");
  return given.length === 0 ? [""] : given;
}

function momentOf(value: Json): Json {
  return typeof value === "string" ? Date.parse(value) : null;
}

function boundsOf({ name }: Filter, query: ListQuery): readonly (readonly [Bound, number])[] {
  return (["gte", "gt", "lte", "lt"] as const).flatMap((bound) => {
    const value = query[`${name}_${bound}`];
    return typeof value === "number" ? [[bound, value] as const] : [];
  });
}

/** How a value is compared: at least, more than, at most, less than. */
type Bound = "gte" | "gt" | "lte" | "lt";

/** Whether a value is within all bounds; nothing is within none. */
function isWithin(value: Json, bounds: readonly (readonly [Bound, number])[]): boolean {
  return bounds.every(([bound, limit]) => typeof value === "number" && holds(bound, value, limit));
}

function holds(bound: Bound, value: number, limit: number): boolean {
  switch (bound) {
    case "gte":
      return value >= limit;
    case "gt":
      return value > limit;
    case "lte":
      return value <= limit;
    case "lt":
      return value < limit;
  }
}
