import { watch, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { nextTurn } from "#base/turn.ts";
import { SqlError, type Database, type Queries, type Row, type Value } from "./database.ts";

/** Prepared statements kept; what is written here are a few dozen. */
const statementsMax = 200;
/** How long opening waits for a process that has the file for itself. */
const openTimeoutMs = 15_000;
/** How often a statement is tried while another process's transaction is in its way, */
const triesMax = 10_000;
/** and how long one try waits: this process does nothing else meanwhile. */
const busyTimeoutMs = 1;

/**
 * Opens SQLite in a file of this machine, with a write-ahead log that is synced at each commit.
 * Other processes may use the same file. @param path ":memory:" for one that nobody else sees.
 */
export function openSqlite(path: string): Database {
  return new Sqlite(path);
}

/** Tries again while another process's transaction is in the way; others of this process go on. */
async function patiently<T>(act: () => T): Promise<T> {
  for (let left = triesMax; ; left -= 1) {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof SqlError) || !error.unavailable || left === 0) throw error;
      await nextTurn();
    }
  }
}

class Sqlite implements Database {
  readonly dialect = "sqlite";
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  readonly #listeners = new Set<() => void>();
  /** Ends when the transaction that was begun last has ended. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    // From the first statement on: another process may be putting in order what a killed one left.
    this.#database = new DatabaseSync(path, { timeout: openTimeoutMs });
    this.#database.exec(
      "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;",
    );
    this.#database.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
  }

  // One connection: what is outside a transaction waits until the one that runs has ended, or it
  // would read what may yet be undone.
  rows(sql: string, ...parameters: readonly Value[]): Promise<readonly Row[]> {
    return this.#inTurn(() => patiently(() => this.#rows(sql, parameters)));
  }

  run(sql: string, ...parameters: readonly Value[]): Promise<number> {
    return this.#inTurn(() => patiently(() => this.#run(sql, parameters)));
  }

  transaction<T>(body: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await patiently(() => {
        this.#exec("begin immediate");
      });
      try {
        const result = await body({
          rows: async (sql, ...parameters) => this.#rows(sql, parameters),
          run: async (sql, ...parameters) => this.#run(sql, parameters),
        });
        this.#exec("commit");
        return result;
      } catch (error) {
        // A failed commit may have ended the transaction by itself.
        if (this.#database.isTransaction) this.#exec("rollback");
        throw error;
      }
    });
  }

  async notify(): Promise<void> {
    for (const listener of this.#listeners) listener();
    if (this.#path !== ":memory:") writeFileSync(this.#newsFile(), "");
  }

  async listen(listener: () => void): Promise<AsyncDisposable> {
    if (this.#path === ":memory:") {
      this.#listeners.add(listener);
      return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) };
    }
    const file = this.#newsFile();
    writeFileSync(file, "", { flag: "a" });
    const watcher = watch(dirname(file), (_, name) => {
      if (name === basename(file)) listener();
    });
    return {
      [Symbol.asyncDispose]: async () => {
        watcher.close();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#database.close();
  }

  #newsFile(): string {
    return `${this.#path}-news`;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  #rows(sql: string, parameters: readonly Value[]): readonly Row[] {
    return this.#attempt(sql, () => this.#prepare(sql).all(...parameters) as Row[]);
  }

  #run(sql: string, parameters: readonly Value[]): number {
    return this.#attempt(sql, () => Number(this.#prepare(sql).run(...parameters).changes));
  }

  #exec(sql: string): void {
    this.#attempt(sql, () => {
      this.#database.exec(sql);
    });
  }

  #attempt<T>(sql: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const code = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
      // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
      const unavailable = [5, 6].includes(code & 0xff);
      throw new SqlError(`sqlite: ${sql.slice(0, 80)}`, { unavailable, cause: error });
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size < statementsMax) this.#statements.set(sql, statement);
    return statement;
  }
}
