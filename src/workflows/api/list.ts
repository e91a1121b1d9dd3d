import type { Value } from "#sql/database.ts";
import type { Condition, OrderTerm, Selection } from "#workflows/state/page.ts";
import {
  date,
  integer,
  list,
  nullable,
  number,
  text,
  withDefault,
  type Field,
  type Fields,
} from "./fields.ts";
import { ApiProblem, badRequest } from "./problem.ts";

/** Airflow's `maximum_page_limit` and `fallback_page_limit`. */
export const pageLimitMax = 100;
export const pageLimitDefault = 50;

/** A filter of a list, under Airflow's names. `column` is an expression of SQL. */
export type Filter =
  /** `<name>_gte`, `_gt`, `_lte`, `_lt`. */
  | {
      readonly kind: "range";
      readonly name: string;
      readonly column: string;
      readonly of: "date" | "number";
    }
  /** `<name>_pattern`, `<name>_prefix_pattern`. */
  | { readonly kind: "pattern"; readonly name: string; readonly column: string }
  | {
      readonly kind: "equal";
      readonly name: string;
      readonly column: string;
      readonly of: "text" | "integer";
    }
  /** Repeated; any of them. */
  | {
      readonly kind: "any";
      readonly name: string;
      readonly column: string;
      readonly of: "text" | "integer";
      /** Others are refused, but for `none`. */
      readonly among?: readonly string[];
    };

/** A list: what it may be filtered and ordered by. */
export interface ListSpec {
  readonly filters: readonly Filter[];
  /** Names that a client orders by, with their expressions. */
  readonly order: Readonly<Record<string, string>>;
  readonly defaultOrder: readonly string[];
  /** Expressions that tell two rows apart when nothing else does. */
  readonly key: readonly string[];
}

export interface ListFields extends Fields {
  readonly limit: Field<number>;
  readonly offset: Field<number>;
  readonly order_by: Field<readonly string[] | undefined>;
}

export interface BatchFields extends Fields {
  readonly page_offset: Field<number>;
  readonly page_limit: Field<number>;
  readonly order_by: Field<string | null | undefined>;
}

const bounds = { gte: ">=", gt: ">", lte: "<=", lt: "<" } as const;

/** The parameters of a list. */
export function listFields(spec: Pick<ListSpec, "filters">): ListFields {
  return {
    limit: withDefault(integer({ min: 0 }), pageLimitDefault),
    offset: withDefault(integer({ min: 0 }), 0),
    order_by: list(text()),
    ...Object.fromEntries(spec.filters.flatMap(fieldsOf)),
  };
}

/** The body of a request for a list, where the path's parameters are too short: filters, page and order. */
export function batchFields(filters: readonly Filter[]): BatchFields {
  return {
    page_offset: withDefault(integer({ min: 0 }), 0),
    page_limit: withDefault(integer({ min: 0 }), pageLimitMax),
    order_by: nullable(text()),
    ...Object.fromEntries(
      filters.flatMap(fieldsOf).map(([name, field]) => [name, nullable(field)]),
    ),
  };
}

function fieldsOf(filter: Filter): [string, Field<unknown>][] {
  const { name } = filter;
  switch (filter.kind) {
    case "range":
      return Object.keys(bounds).map((it) => [
        `${name}_${it}`,
        filter.of === "date" ? date() : number(),
      ]);
    case "pattern":
      return [
        [`${name}_pattern`, text()],
        [`${name}_prefix_pattern`, text()],
      ];
    case "equal":
      return [[name, filter.of === "text" ? text() : integer()]];
    case "any":
      return [[name, filter.of === "text" ? list(text()) : list(integer())]];
  }
}

export type ListQuery = Readonly<Record<string, unknown>> & {
  readonly limit: number;
  readonly offset: number;
  readonly order_by: readonly string[] | undefined;
};

/** What a list's parameters say, for the database. @throws {ApiProblem} 400 for an unknown order. */
export function selectionOf(
  spec: ListSpec,
  query: ListQuery,
): Pick<Selection, "conditions" | "order" | "limit" | "offset"> {
  const { limit, offset } = query;
  return {
    conditions: spec.filters.flatMap((it) => conditionsOf(it, query)),
    order: orderOf(spec, query.order_by),
    limit: limit === 0 ? pageLimitDefault : Math.min(limit, pageLimitMax),
    offset,
  };
}

/** @throws {ApiProblem} 400 for a name that the list does not have. */
function orderOf(spec: ListSpec, names: readonly string[] | undefined): readonly OrderTerm[] {
  const wanted = names === undefined || names.length === 0 ? spec.defaultOrder : names;
  const expressions = wanted.map((name) => {
    const isDown = name.startsWith("-");
    const bare = isDown ? name.slice(1) : name;
    const expression = Object.hasOwn(spec.order, bare) ? spec.order[bare] : undefined;
    if (expression === undefined) {
      throw badRequest(
        `Ordering with '${bare}' is disallowed or the attribute does not exist on the model`,
      );
    }
    return { expression, isDown };
  });
  return [...expressions, ...spec.key.map((expression) => ({ expression, isDown: false }))];
}

function conditionsOf(filter: Filter, query: ListQuery): Condition[] {
  const { name, column } = filter;
  switch (filter.kind) {
    case "range":
      return Object.entries(bounds).flatMap(([suffix, sign]) => {
        const value = query[`${name}_${suffix}`];
        return typeof value === "number" ? [{ sql: `${column} ${sign} ?`, values: [value] }] : [];
      });
    case "pattern":
      return [
        ...patternConditions(column, query[`${name}_pattern`], containing),
        ...patternConditions(column, query[`${name}_prefix_pattern`], beginning),
      ];
    case "equal": {
      const value = query[name];
      return isValue(value) ? [{ sql: `${column} = ?`, values: [value] }] : [];
    }
    case "any": {
      const values = query[name];
      if (!Array.isArray(values)) return [];
      const given = values.filter((it) => it === null || isValue(it));
      refuseOthers(name, given, filter.among);
      return anyOf(column, given);
    }
  }
}

/** @throws {ApiProblem} 422 as Airflow words it for states. */
function refuseOthers(
  name: string,
  given: readonly (string | number | null)[],
  among: readonly string[] | undefined,
): void {
  if (among === undefined) return;
  const known = new Set<string | number | null>([...among, "none", "no_status", null]);
  if (given.every((it) => known.has(it))) return;
  throw new ApiProblem(422, `Invalid value for ${name}. Valid values are ${among.join(", ")}`);
}

function isValue(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** Any of the values; `none` and `no_status` stand for nothing. An empty list asks for all. */
export function anyOf(column: string, values: readonly (string | number | null)[]): Condition[] {
  if (values.length === 0) return [];
  const named: Value[] = values.filter((it) => it !== null && it !== "none" && it !== "no_status");
  const parts = named.length === 0 ? [] : [`${column} in (${named.map(() => "?").join(", ")})`];
  if (named.length < values.length) parts.push(`${column} is null`);
  return [{ sql: parts.join(" or "), values: named }];
}

/** `a|b` asks for either; `~` for everything. */
function patternConditions(
  column: string,
  value: unknown,
  compare: (column: string, term: string) => Condition,
): Condition[] {
  if (typeof value !== "string" || value === "" || value === "~") return [];
  const parts = value
    .split("|")
    .filter((it) => it !== "")
    .map((it) => compare(column, it));
  if (parts.length === 0) return [];
  const sql = parts.map((it) => it.sql).join(" or ");
  return [{ sql, values: parts.flatMap((it) => it.values) }];
}

/** Anywhere in it, in small or capital letters; `%` and `_` are wildcards, as in SQL. */
function containing(column: string, term: string): Condition {
  return { sql: `lower(${column}) like ?`, values: [`%${term.toLowerCase()}%`] };
}

function beginning(column: string, term: string): Condition {
  return { sql: `substr(${column}, 1, ${Array.from(term).length}) = ?`, values: [term] };
}
