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

/** Inserts any number of rows with as few statements as may be. */
export async function insertRows(
  queries: Queries,
  into: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const size = Math.max(1, Math.floor(parametersMax / columns.length));
  for (let at = 0; at < rows.length; at += size) {
    const part = rows.slice(at, at + size);
    const values = placeholders(part.length, columns.length);
    await queries.run(
      `insert into ${into} (${columns.join(", ")}) values ${values}`,
      ...part.flat(),
    );
  }
}
