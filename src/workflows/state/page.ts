import { numberOf } from "#sql/columns.ts";
import type { Queries, Row, Value } from "#sql/database.ts";

/** A part of a `where`. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A part of an `order by`. */
export interface OrderTerm {
  readonly expression: string;
  readonly isDown: boolean;
}

/** Rows to be found, of which a page is shown. Only values come from outside, never SQL. */
export interface Selection {
  readonly columns: string;
  /** Tables with their joins. */
  readonly from: string;
  readonly conditions: readonly Condition[];
  /** They must leave no two rows equal. */
  readonly order: readonly OrderTerm[];
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
  const { tail, values } = tailOf(it);
  const [count] = await queries.rows(`select count(*) as count ${tail}`, ...values);
  const rows = await selectRows(queries, it);
  return { rows, total: count === undefined ? 0 : numberOf(count, "count") };
}

/** One page alone. */
export async function selectRows(queries: Queries, it: Selection): Promise<readonly Row[]> {
  const { tail, values } = tailOf(it);
  const order = it.order.map((term) => (term.isDown ? `${term.expression} desc` : term.expression));
  return await queries.rows(
    `select ${it.columns} ${tail} order by ${order.join(", ")} limit ? offset ?`,
    ...values,
    it.limit,
    it.offset,
  );
}

/** How many rows there are; `most` where there are at least as many. */
export async function countRows(
  queries: Queries,
  it: Pick<Selection, "from" | "conditions">,
  most: number,
): Promise<number> {
  const { tail, values } = tailOf(it);
  const sql = `select count(*) as count from (select 1 as one ${tail} limit ?) as found`;
  const [row] = await queries.rows(sql, ...values, most);
  return row === undefined ? 0 : numberOf(row, "count");
}

function tailOf(it: Pick<Selection, "from" | "conditions">): {
  readonly tail: string;
  readonly values: readonly Value[];
} {
  const where = it.conditions.map(({ sql }) => `(${sql})`).join(" and ");
  return {
    tail: `from ${it.from}${where === "" ? "" : ` where ${where}`}`,
    values: it.conditions.flatMap((condition) => condition.values),
  };
}
