import type { JsonObject } from "#api/object.ts";
import type { Database, Row, Value } from "#sql/database.ts";
import {
  countRows,
  selectPage,
  selectRows,
  type Condition,
  type OrderTerm,
  type Selection,
} from "#workflows/state/page.ts";
import { selectionOf, type ListQuery, type ListSpec } from "./list.ts";
import { badRequest } from "./problem.ts";

/** Rows are counted up to here where a cursor asks for them; as Airflow's bound. */
const countMax = 50_000;
/** What stands before a cursor that goes backwards. */
const backwards = "~";

/** A cursor: what the last row of a page was ordered by. */
export function encodeCursor(values: readonly Value[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** @param count of the values that it must have. @throws {ApiProblem} 400 */
export function decodeCursor(token: string, count: number): readonly Value[] {
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    throw badRequest("Invalid cursor token");
  }
  if (!Array.isArray(values) || !values.every(isValue)) {
    throw badRequest("Invalid cursor token structure");
  }
  if (values.length !== count) {
    throw badRequest("Cursor token does not match current query shape");
  }
  return values;
}

function isValue(it: unknown): it is Value {
  return it === null || typeof it === "string" || typeof it === "number";
}

/**
 * The rows that come after one. Where nothing is compared with something, it is as the database
 * orders it: PostgreSQL has nothing last, SQLite first.
 */
export function rowsAfter(
  order: readonly OrderTerm[],
  values: readonly Value[],
  isNullGreatest: boolean,
): Condition {
  const [term, ...rest] = order;
  if (term === undefined) return { sql: "1 = 0", values: [] };
  const [value = null, ...others] = values;
  const { expression, isDown } = term;
  const isNullLast = isNullGreatest !== isDown;
  const beyond = beyondOf(expression, value, { isDown, isNullLast });
  const same =
    value === null
      ? { sql: `${expression} is null`, values: [] }
      : { sql: `${expression} = ?`, values: [value] };
  const tied = rowsAfter(rest, others, isNullGreatest);
  return {
    sql: `(${beyond.sql}) or (${same.sql} and (${tied.sql}))`,
    values: [...beyond.values, ...same.values, ...tied.values],
  };
}

function beyondOf(
  expression: string,
  value: Value,
  { isDown, isNullLast }: { readonly isDown: boolean; readonly isNullLast: boolean },
): Condition {
  if (value === null)
    return { sql: isNullLast ? "1 = 0" : `${expression} is not null`, values: [] };
  const sql = `${expression} ${isDown ? "<" : ">"} ?`;
  return { sql: isNullLast ? `${sql} or ${expression} is null` : sql, values: [value] };
}

export interface FoundPage {
  readonly rows: readonly Row[];
  /** `total_entries`, and with a cursor where to go on. */
  readonly about: JsonObject;
}

type From = Pick<Selection, "columns" | "from" | "conditions">;

/** A page of a list, by offset or, when `cursor` is given, by it. @throws {ApiProblem} 400 */
export async function findPage(
  database: Database,
  { spec, query }: { readonly spec: ListSpec; readonly query: ListQuery },
  of: From,
): Promise<FoundPage> {
  const asked = selectionOf(spec, query);
  const conditions = [...asked.conditions, ...of.conditions];
  const selection = { ...asked, ...of, conditions };
  const cursor = query["cursor"];
  if (typeof cursor === "string") return await pageByCursor(database, selection, cursor);
  const { rows, total } = await selectPage(database, selection);
  return { rows, about: { total_entries: total } };
}

async function pageByCursor(
  database: Database,
  selection: Selection,
  cursor: string,
): Promise<FoundPage> {
  const isBack = cursor.startsWith(backwards);
  const token = isBack ? cursor.slice(backwards.length) : cursor;
  const order = isBack
    ? selection.order.map((it) => ({ ...it, isDown: !it.isDown }))
    : selection.order;
  const conditions = [...selection.conditions];
  if (token !== "") {
    const values = decodeCursor(token, order.length);
    conditions.push(rowsAfter(order, values, database.dialect === "postgres"));
  }
  const marks = order.map((it, at) => `${it.expression} as cursor_${at}`);
  const { limit } = selection;
  // One more tells whether there is another page.
  const found = await selectRows(database, {
    ...selection,
    columns: [selection.columns, ...marks].join(", "),
    conditions,
    order,
    limit: limit + 1,
    offset: 0,
  });
  const rows = isBack ? found.slice(0, limit).reverse() : found.slice(0, limit);
  const hasMore = found.length > limit;
  const [first, last] = [rows[0], rows.at(-1)];
  const cursorOf = (row: Row): string =>
    encodeCursor(order.map((_, at) => row[`cursor_${at}`] ?? null));
  const hasNext = isBack || hasMore;
  const hasPrevious = isBack ? hasMore : token !== "";
  return {
    rows,
    about: {
      total_entries: await countRows(database, selection, countMax),
      total_entries_limit: countMax,
      next_cursor: hasNext && last !== undefined ? cursorOf(last) : null,
      previous_cursor: hasPrevious && first !== undefined ? `${backwards}${cursorOf(first)}` : null,
    },
  };
}
