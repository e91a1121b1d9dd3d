import type { Database } from "#sql/database.ts";
import { migrate, pendingMigrations } from "#sql/migrate.ts";
import { textOf } from "#sql/columns.ts";
import { deleteRun } from "#workflows/state/deletion.ts";
import { migrations } from "#workflows/state/schema.ts";
import { archiveRows } from "./archives.ts";
import { formatRows } from "./output.ts";
import type { Form } from "./dags.ts";
import type { VerbSession } from "./session.ts";

/** Says whether the database answers, and whether its schema is up to date. */
export async function dbCheck(session: VerbSession): Promise<boolean> {
  await session.database.rows("select 1 as one");
  const pending = await pendingMigrations(session.database, migrations);
  session.out(
    pending.length === 0
      ? "Connection successful.\n"
      : `Connection successful; to be applied: ${pending.join(", ")}\n`,
  );
  return pending.length === 0;
}

/** Runs that are taken away in one transaction. */
const runsPerStep = 100;

/**
 * Takes away what ended before a time: runs with their tasks, outputs and events, and events.
 * Versions of DAGs stay.
 */
export async function dbClean(
  session: VerbSession,
  given: Form & {
    readonly before: number;
    readonly dryRun: boolean;
    /** Does not keep what is taken away. */
    readonly skipArchive: boolean;
  },
): Promise<void> {
  const { database, clock } = session;
  const old = "state in ('success', 'failed') and ended_at < ?";
  const runs = await countOf(database, `from dag_run where ${old}`, given.before);
  const events = await countOf(database, "from event where at < ?", given.before);
  const rows = [
    { table: "dag_run", rows: runs },
    { table: "event", rows: events },
  ];
  session.out(formatRows(rows, given.output));
  if (given.dryRun) return;
  if (!given.skipArchive) {
    await database.transaction(async (queries) => {
      const now = clock.now();
      const { before } = given;
      await archiveRows(queries, { table: "dag_run", where: old, before }, now);
      await archiveRows(queries, { table: "event", where: "at < ?", before }, now);
      const runs = `(dag_id, run_id) in (select dag_id, run_id from dag_run where ${old})`;
      await archiveRows(queries, { table: "task_instance", where: runs, before }, now);
    });
  }
  for (;;) {
    const found = await database.rows(
      `select dag_id, run_id from dag_run where ${old} order by ended_at limit ${runsPerStep}`,
      given.before,
    );
    if (found.length === 0) break;
    for (const row of found) {
      const key = { dagId: textOf(row, "dag_id"), runId: textOf(row, "run_id") };
      await deleteRun(database, { ...key, owner: "db clean" }, clock.now());
    }
  }
  await database.run("delete from event where at < ?", given.before);
}

async function countOf(database: Database, from: string, before: number): Promise<number> {
  const [row] = await database.rows(`select count(*) as count ${from}`, before);
  return Number(row?.["count"] ?? 0);
}

/** Takes everything away, accounts and connections too, and makes the tables anew. */
export async function dbReset(session: VerbSession): Promise<void> {
  const { database } = session;
  const names =
    database.dialect === "sqlite"
      ? "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
      : "select tablename as name from pg_tables where schemaname = current_schema()";
  await database.transaction(async (queries) => {
    for (const row of await queries.rows(names)) {
      const name = textOf(row, "name").replaceAll('"', '""');
      const cascade = database.dialect === "sqlite" ? "" : " cascade";
      await queries.run(`drop table "${name}"${cascade}`);
    }
  }, true);
  await migrate(database, migrations);
  await database.notify();
  session.out("Database reset done!\n");
}
