import { numberOf } from "#sql/columns.ts";
import type { Queries, Row, Value } from "#sql/database.ts";

/** A part of a `where`. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Rows to be found, of which a page is shown. Only values come from outside, never SQL. */
export interface Selection {
  readonly columns: string;
  /** Tables with their joins. */
  readonly from: string;
  readonly conditions: readonly Condition[];
  /** Expressions with `desc` or without; they must leave no two rows equal. */
  readonly order: readonly string[];
  readonly limit: number;
  readonly offset: number;
}

export interface Page {
  readonly rows: readonly Row[];
  /** How many there are on all pages. */
  readonly total: number;
}

/** One page, and how many rows there are in all. */
export async function selectPage(queries: Queries, it: Selection): Promise<Page> {
  const where = it.conditions.map(({ sql }) => `(${sql})`).join(" and ");
  const values = it.conditions.flatMap((condition) => condition.values);
  const tail = `from ${it.from}${where === "" ? "" : ` where ${where}`}`;
  const [count] = await queries.rows(`select count(*) as count ${tail}`, ...values);
  const rows = await queries.rows(
    `select ${it.columns} ${tail} order by ${it.order.join(", ")} limit ? offset ?`,
    ...values,
    it.limit,
    it.offset,
  );
  return { rows, total: count === undefined ? 0 : numberOf(count, "count") };
}
