import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOf } from "#sql/columns.ts";
import {
  insertRows,
  rowsByKeys,
  SqlError,
  updateRows,
  type Database,
  type Row,
  type Value,
} from "#sql/database.ts";
import { migrate, pendingMigrations } from "#sql/migrate.ts";

/** What every kind of SQL database must do. @param open gives a fresh, empty one. */
export function databaseSuite(name: string, open: () => Promise<Database>): void {
  test(`${name}: values come back as they were stored`, async () => {
    await using database = await open();
    await database.run("create table t (a text, b bigint, c integer)");
    const values = [
      ["plain", 1, 0],
      ["Grüße 😀 'quoted' \"?\"", Number.MAX_SAFE_INTEGER, -1],
      [null, null, null],
      ["", 0, 1],
    ] as const;
    for (const row of values)
      assert.equal(await database.run("insert into t values (?, ?, ?)", ...row), 1);
    const rows = await database.rows("select a, b, c from t");
    assert.deepEqual(
      rows.map((it) => [it["a"], it["b"], it["c"]]),
      values,
    );
    const [count] = await database.rows("select count(*) as n, sum(b) as s from t where c = ?", 0);
    assert.ok(count);
    assert.deepEqual([numberOf(count, "n"), numberOf(count, "s")], [1, 1]);
  });

  test(`${name}: a transaction is stored whole or not at all`, async () => {
    await using database = await open();
    await database.run("create table t (a bigint primary key)");
    const kept = await database.transaction(async (queries) => {
      await queries.run("insert into t values (1)");
      return "result";
    });
    assert.equal(kept, "result");
    const broken = database.transaction(async (queries) => {
      await queries.run("insert into t values (2)");
      throw new Error("no");
    });
    await assert.rejects(broken, /^Error: no$/);
    const conflict = database.transaction(async (queries) => {
      await queries.run("insert into t values (3)");
      await queries.run("insert into t values (1)");
    });
    await assert.rejects(conflict, SqlError);
    assert.equal((await database.rows("select a from t")).length, 1);
  });

  test(`${name}: exclusive transactions come one after the other`, async () => {
    await using database = await open();
    await database.run("create table t (a bigint)");
    await database.run("insert into t values (0)");
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await database.transaction(async (queries) => {
          const [row] = await queries.rows("select a from t");
          assert.ok(row);
          await queries.run("update t set a = ?", numberOf(row, "a") + 1);
        }, true);
      }),
    );
    assert.deepEqual(plain(await database.rows("select a from t")), [{ a: 20 }]);
  });

  test(`${name}: conflicts, counts and many rows`, async () => {
    await using database = await open();
    await database.run("create table t (a bigint primary key, b text)");
    await insertRows(
      database,
      "t",
      ["a", "b"],
      Array.from({ length: 20_000 }, (_, at) => [at, `b${at}`]),
    );
    const insert = "insert into t (a, b) values (?, ?) on conflict (a) do";
    assert.equal(await database.run(`${insert} nothing`, 1, "x"), 0);
    assert.equal(await database.run(`${insert} update set b = excluded.b`, 1, "x"), 1);
    assert.equal(await database.run("update t set b = 'y' where a < ?", 10), 10);
    assert.equal(await database.run("delete from t where a >= ?", 10), 19_990);
    assert.equal((await database.rows("select * from t where b = 'y'")).length, 10);
  });

  test(`${name}: rows by keys of numbers and of texts`, async () => {
    await using database = await open();
    await database.run("create table t (a bigint, b text)");
    await insertRows(
      database,
      "t",
      ["a", "b"],
      [
        [1, "x"],
        [2, "y"],
        [3, "y"],
      ],
    );
    const found = async (columns: string[], ...keys: Value[][]): Promise<unknown> => {
      const rows = await rowsByKeys(database, "select a from t", columns, keys);
      return rows.map((it) => numberOf(it, "a")).toSorted();
    };
    assert.deepEqual(await found(["a"], [1], [3], [9]), [1, 3]);
    assert.deepEqual(await found(["b"], ["y"]), [2, 3]);
    assert.deepEqual(await found(["b", "a"], ["y", 3], ["x", 2]), [3]);
  });

  test(`${name}: rows are updated at once, each if it still is as it was`, async () => {
    await using database = await open();
    await database.run("create table t (a bigint, b text, c bigint)");
    const made = Array.from({ length: 7 }, (_, at) => [at, at === 3 ? "x" : null, at]);
    await insertRows(database, "t", ["a", "b", "c"], made);
    const update = {
      table: "t",
      given: { a: "bigint", old_b: "text", b: "text", c: "bigint" },
      set: "b = given.b, c = given.c",
      where: "t.a = given.a and t.b is not distinct from given.old_b",
    } as const;
    const rows = Array.from({ length: 7 }, (_, at) => [at, null, `b${at}`, at === 1 ? null : 9]);
    assert.equal(await updateRows(database, update, rows), 6);
    assert.equal(await updateRows(database, update, []), 0);
    const found = plain(await database.rows("select a, b, c from t order by a"));
    const want = rows.map(([a, , b, c]) => (a === 3 ? { a, b: "x", c: 3 } : { a, b, c }));
    assert.deepEqual(found, want);
  });

  test(`${name}: news reach who listens`, async () => {
    await using database = await open();
    const heard = Promise.withResolvers<undefined>();
    const listening = await database.listen(() => {
      heard.resolve(undefined);
    });
    await database.notify();
    await heard.promise;
    await listening[Symbol.asyncDispose]();
  });

  test(`${name}: migrations are applied once, in order, also by several at a time`, async () => {
    await using database = await open();
    const first = { name: "1", statements: () => ["create table t (a bigint)"] };
    const second = { name: "2", statements: () => ["insert into t values (7)"] };
    const both = [first, second];
    assert.deepEqual(await pendingMigrations(database, both), ["1", "2"]);
    assert.deepEqual(await migrate(database, [first]), ["1"]);
    const applied = await Promise.all([migrate(database, both), migrate(database, both)]);
    assert.deepEqual(applied.flat(), ["2"]);
    assert.deepEqual(plain(await database.rows("select a from t")), [{ a: 7 }]);
    await assert.rejects(migrate(database, [first]), /only a later Gantry knows/);
  });

  test(`${name}: a bad statement says so, and hurts nothing`, async () => {
    await using database = await open();
    await assert.rejects(database.rows("select nope from nowhere"), SqlError);
    assert.deepEqual(plain(await database.rows("select 1 as one")), [{ one: 1 }]);
  });
}

/** Rows without whatever prototype a driver gives them. */
function plain(rows: readonly Row[]): Row[] {
  return rows.map((it) => ({ ...it }));
}
