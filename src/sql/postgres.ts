import postgres from "postgres";
import { SqlError, type Database, type Queries, type Row, type Value } from "./database.ts";

const channel = "gantry_workflows";
/** The advisory lock that exclusive transactions take: "gantry" in a telephone's digits. */
const lockStatement = "select pg_advisory_xact_lock(426879)";

/** What the server says when it, or the way to it, is gone: SQLSTATE classes and socket errors. */
const unavailableCodes =
  /^(08|53|57P0|55P03|40)|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|CONNECTION_|CONNECT_TIMEOUT/;

/**
 * Opens PostgreSQL at an address such as `postgres://user:password@host:5432/name`. Connections are
 * made when they are needed.
 */
export function openPostgres(address: string, options: { readonly connections: number }): Database {
  return new Postgres(address, options.connections);
}

/** A server that is back is found within so long, however long it was away. */
const reconnectMaxSeconds = 1;

type Tag = postgres.Sql | postgres.TransactionSql;

class Postgres implements Database {
  readonly dialect = "postgres";
  readonly #sql: postgres.Sql;

  constructor(address: string, connections: number) {
    this.#sql = postgres(address, {
      max: connections,
      onnotice: () => undefined,
      connect_timeout: 10,
      backoff: (failures) => Math.min(0.1 * 2 ** failures, reconnectMaxSeconds),
      // Sums and counts are 64 bits wide; all of ours fit a double.
      types: { bigint: { to: 20, from: [20, 1700], serialize: String, parse: Number } },
    });
  }

  async rows(sql: string, ...parameters: readonly Value[]): Promise<readonly Row[]> {
    return await rowsOf(this.#sql, sql, parameters);
  }

  async run(sql: string, ...parameters: readonly Value[]): Promise<number> {
    return await countOf(this.#sql, sql, parameters);
  }

  async transaction<T>(body: (queries: Queries) => Promise<T>, exclusive = false): Promise<T> {
    let result: { readonly value: T } | undefined;
    try {
      await this.#sql.begin(async (tag) => {
        const queries = {
          rows: async (sql: string, ...parameters: readonly Value[]) =>
            await rowsOf(tag, sql, parameters),
          run: async (sql: string, ...parameters: readonly Value[]) =>
            await countOf(tag, sql, parameters),
        };
        // The server takes one statement after the other: what `body` asks waits there for the lock.
        const lock = tag.unsafe(lockStatement, [], { prepare: true });
        const locked = exclusive ? lock.execute() : undefined;
        const [value] = await Promise.all([body(queries), locked]);
        result = { value };
      });
    } catch (error) {
      throw asSqlError("transaction", error);
    }
    if (result === undefined) throw new Error("the transaction has no result");
    return result.value;
  }

  async notify(): Promise<void> {
    await rowsOf(this.#sql, `select pg_notify('${channel}', '')`, []);
  }

  async listen(listener: () => void): Promise<AsyncDisposable> {
    // After a connection was lost there may have been news that nobody heard.
    const subscription = await this.#sql.listen(channel, listener, listener);
    return {
      [Symbol.asyncDispose]: async () => {
        await subscription.unlisten();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 5 });
  }
}

async function rowsOf(
  tag: Tag,
  sql: string,
  parameters: readonly Value[],
): Promise<readonly Row[]> {
  try {
    const rows = await tag.unsafe(numbered(sql), [...parameters], { prepare: true });
    return rows as Iterable<object> as readonly Row[];
  } catch (error) {
    throw asSqlError(sql, error);
  }
}

async function countOf(tag: Tag, sql: string, parameters: readonly Value[]): Promise<number> {
  try {
    return (await tag.unsafe(numbered(sql), [...parameters], { prepare: true })).count;
  } catch (error) {
    throw asSqlError(sql, error);
  }
}

function asSqlError(what: string, error: unknown): unknown {
  if (error instanceof SqlError || !(error instanceof Error)) return error;
  if (!("code" in error)) return error;
  const unavailable = unavailableCodes.test(String(error.code));
  return new SqlError(`postgres: ${what.slice(0, 80)}`, { unavailable, cause: error });
}

const texts = new Map<string, string>();
const textsMax = 500;

/** `?` becomes `$1`, `$2`…, but inside quotes. */
export function numbered(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  let next = 0;
  const text = sql.replaceAll(/'(?:[^']|'')*'|\?/g, (it) => {
    if (it !== "?") return it;
    next += 1;
    return `$${next}`;
  });
  if (texts.size < textsMax) texts.set(sql, text);
  return text;
}
