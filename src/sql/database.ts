/** What a column holds. Times are whole milliseconds since the epoch; JSON is text. */
export type Value = string | number | null;

export type Row = Readonly<Record<string, Value>>;

/** Runs statements; parameters are `?`, in order. */
export interface Queries {
  /** The rows that the statement gives. @throws {SqlError} */
  rows(sql: string, ...parameters: readonly Value[]): Promise<readonly Row[]>;
  /** How many rows the statement changed. @throws {SqlError} */
  run(sql: string, ...parameters: readonly Value[]): Promise<number>;
}

/** Which kind of database, where statements must differ. */
export type Dialect = "sqlite" | "postgres";

/** A database with transactions, and news between the processes that use it. */
export interface Database extends Queries, AsyncDisposable {
  readonly dialect: Dialect;
  /**
   * Runs `body` in one transaction: all of it is stored, or nothing when it throws. `body` must use
   * only the queries that it is given. With `exclusive`, at most one such transaction runs at a time
   * among all processes.
   */
  transaction<T>(body: (queries: Queries) => Promise<T>, exclusive?: boolean): Promise<T>;
  /** Tells every process that listens, this one too, that something changed. */
  notify(): Promise<void>;
  /** Calls `listener` after news; it may be called for nothing, and once for several. */
  listen(listener: () => void): Promise<AsyncDisposable>;
}

/** A statement failed. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  /** The database did not answer at all; the same again may succeed. */
  readonly unavailable: boolean;

  constructor(
    message: string,
    options: { readonly unavailable: boolean; readonly cause: unknown },
  ) {
    super(message, { cause: options.cause });
    this.unavailable = options.unavailable;
  }
}

/** `(?, ?), (?, ?)` for `rows` rows of `columns` values. */
export function placeholders(rows: number, columns: number): string {
  const row = `(${Array.from({ length: columns }, () => "?").join(", ")})`;
  return Array.from({ length: rows }, () => row).join(", ");
}

/** Most parameters of one statement; both databases take at least twice that. */
export const parametersMax = 15_000;

/** Inserts any number of rows with few statements. @param conflict such as `on conflict do nothing`. */
export async function insertRows(
  ...given: [
    queries: Queries,
    into: string,
    columns: readonly string[],
    rows: readonly (readonly Value[])[],
    conflict?: string,
  ]
): Promise<void> {
  const [queries, into, columns, rows, conflict = ""] = given;
  const writes = statementsOf(rows, columns.length).map((part) => {
    const values = placeholders(part.length, columns.length);
    const sql = `insert into ${into} (${columns.join(", ")}) values ${values} ${conflict}`;
    return queries.run(sql, ...part.flat());
  });
  await Promise.all(writes);
}

/** A change of many rows at once; `set` and `where` name the values of a row as columns of `given`. */
export interface RowsUpdate {
  readonly table: string;
  /** What a row of values is, in order. */
  readonly given: Readonly<Record<string, "text" | "bigint">>;
  readonly set: string;
  readonly where: string;
}

/** Updates any number of rows with few statements. @returns how many were changed. */
export async function updateRows(
  queries: Queries,
  { table, given, set, where }: RowsUpdate,
  rows: readonly (readonly Value[])[],
): Promise<number> {
  const types = Object.values(given);
  // Where the first row says what the values are, PostgreSQL knows of the others.
  const first = types.map((it) => (it === "bigint" ? "cast(? as bigint)" : "?")).join(", ");
  const writes = statementsOf(rows, types.length).map((part) => {
    const rest = part.length === 1 ? "" : `, ${placeholders(part.length - 1, types.length)}`;
    const sql = `with given (${Object.keys(given).join(", ")}) as (values (${first})${rest})
      update ${table} set ${set} from given where ${where}`;
    return queries.run(sql, ...part.flat());
  });
  return (await Promise.all(writes)).reduce((sum, it) => sum + it, 0);
}

/** Rows for one statement each: of powers of two, so that a few prepared ones do for any number. */
function statementsOf(
  rows: readonly (readonly Value[])[],
  columns: number,
): readonly (readonly (readonly Value[])[])[] {
  const most = Math.max(1, Math.floor(parametersMax / columns));
  const parts: (readonly (readonly Value[])[])[] = [];
  for (let at = 0; at < rows.length;) {
    const left = Math.min(rows.length - at, most);
    const part = rows.slice(at, at + 2 ** Math.floor(Math.log2(left)));
    parts.push(part);
    at += part.length;
  }
  return parts;
}

/** Of a list of values alone PostgreSQL cannot tell the types, and takes text. */
function typedPlaceholder(value: Value): string {
  return typeof value === "number" ? "cast(? as bigint)" : "?";
}

/** Most keys of one statement of {@link rowsByKeys}. */
const keysMax = 1_024;

/**
 * The rows whose `columns` have one of the given values. @param select up to and without `where`.
 */
export async function rowsByKeys(
  queries: Queries,
  select: string,
  columns: readonly string[],
  keys: readonly (readonly Value[])[],
): Promise<readonly Row[]> {
  const reads: Promise<readonly Row[]>[] = [];
  for (let at = 0; at < keys.length; at += keysMax) {
    const part = keys.slice(at, at + keysMax);
    const last = part.at(-1) ?? [];
    let size = 1;
    while (size < part.length) size *= 4;
    // A key that is named again gives no row again.
    const padded = [...part, ...Array.from({ length: size - part.length }, () => last)];
    const row = `(${last.map(typedPlaceholder).join(", ")})`;
    const values = Array.from({ length: size }, () => row).join(", ");
    const sql = `${select} where (${columns.join(", ")}) in (values ${values})`;
    reads.push(queries.rows(sql, ...padded.flat()));
  }
  return (await Promise.all(reads)).flat();
}
