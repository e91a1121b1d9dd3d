import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "#sql/postgres.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { maybeNumber, numberOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import { processTree } from "#testing/process-tree.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { pssBytesOf } from "./process-cost.ts";
import { until } from "./until.ts";

const program = join(import.meta.dirname, "../../dist/gantry.js");
const pollMs = 2;

/** Schedulers of workflows as processes of their own, in a folder of their own. */
export class WorkflowSystem implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "gantry-bench-workflows-"));
  readonly dags = join(this.folder, "dags");
  readonly #address: string | undefined;
  readonly #schedulers: ChildProcess[] = [];
  #database: Database | undefined;

  /** @param address of PostgreSQL; SQLite when undefined. */
  constructor(address: string | undefined) {
    this.#address = address;
    mkdirSync(this.dags);
  }

  /** Puts a file of DAGs into the folder. */
  write(name: string, text: string): void {
    writeFileSync(join(this.dags, name), text);
  }

  start(...more: readonly string[]): ChildProcess {
    const database = this.#address === undefined ? [] : ["--database", this.#address];
    const where = ["--data-dir", this.folder, "--dags-folder", this.dags, ...database];
    const args = [program, "scheduler", ...where, "--no-paused-at-creation", ...more];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes('"level":"error"')) process.stderr.write(text);
    });
    this.#schedulers.push(child);
    return child;
  }

  async open(): Promise<Database> {
    if (this.#database !== undefined) return this.#database;
    this.#database =
      this.#address === undefined
        ? openSqlite(join(this.folder, "workflows", "workflows.sqlite"))
        : openPostgres(this.#address, { connections: 4 });
    return this.#database;
  }

  /** Waits until so many DAGs are known. */
  async ready(count: number): Promise<void> {
    await until(async () => {
      try {
        const database = await this.open();
        const [row] = await database.rows("select count(*) as count from dag where active = 1");
        return row !== undefined && numberOf(row, "count") >= count;
      } catch {
        return false;
      }
    }, 50);
  }

  async trigger(dagId: string, conf = {}): Promise<string> {
    const given = { dagId, runId: undefined, logicalDate: undefined, conf };
    return await triggerRun(await this.open(), given, Date.now());
  }

  /** Waits until no run of the DAGs whose ids begin so is open. @throws when one failed. */
  async finished(prefix: string, everyMs = pollMs, patienceMs?: number): Promise<void> {
    const database = await this.open();
    await until(
      async () => {
        const [row] = await database.rows(
          "select count(*) as count from dag_run where dag_id like ? and state in ('queued', 'running')",
          `${prefix}%`,
        );
        return row !== undefined && numberOf(row, "count") === 0;
      },
      everyMs,
      patienceMs,
    );
    const [failed] = await database.rows(
      "select count(*) as count from dag_run where dag_id like ? and state = 'failed'",
      `${prefix}%`,
    );
    if (failed !== undefined && numberOf(failed, "count") > 0) throw new Error(`${prefix} failed`);
  }

  /**
   * What the tasks of DAGs in a row have waited, summed, in seconds: from the end of the one before,
   * or from when the run was asked for.
   */
  async lagOf(prefix: string): Promise<number> {
    const database = await this.open();
    const [row] = await database.rows(
      `select sum(started_at - due) as lag from (
         select it.started_at, coalesce(
           lag(it.ended_at) over (partition by it.dag_id, it.run_id order by it.started_at),
           run.queued_at) as due
         from task_instance it join dag_run run on run.dag_id = it.dag_id and run.run_id = it.run_id
         where it.dag_id like ?) as each`,
      `${prefix}%`,
    );
    return row === undefined ? 0 : (maybeNumber(row, "lag") ?? 0) / 1_000;
  }

  async versionOf(dagId: string): Promise<number> {
    const database = await this.open();
    const [row] = await database.rows("select version from dag where dag_id = ?", dagId);
    return row === undefined ? 0 : numberOf(row, "version");
  }

  async pauseAll(): Promise<void> {
    const database = await this.open();
    await database.run("update dag set paused = 1");
  }

  /**
   * Memory of the schedulers and all that they have started. Pages that several share, as those of
   * Node's program, are divided among them.
   */
  pssBytes(pids = this.pids()): number {
    return pids.map(pssBytesOf).reduce((sum, it) => sum + it, 0);
  }

  pids(): readonly number[] {
    return processTree(this.#schedulers.map((it) => it.pid ?? 0));
  }

  async until(holds: () => Promise<boolean>): Promise<void> {
    await until(holds, 10);
  }

  async stop(): Promise<void> {
    for (const child of this.#schedulers.splice(0)) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#database?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
