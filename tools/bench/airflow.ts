import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import { openPostgres } from "#sql/postgres.ts";
import { freePort } from "#testing/free-port.ts";
import { processTree } from "#testing/process-tree.ts";
import { until } from "./until.ts";

const version = "3.3.2";
const packages = [`apache-airflow[postgres]==${version}`, "asyncpg", "psycopg2-binary"];
const pollMs = 20;
/** Of one workload. */
const patienceMs = 900_000;

/**
 * Airflow's program: that of $GANTRY_BENCH_AIRFLOW, or one that is installed from the package index
 * into a cache, which takes minutes the first time. Undefined when neither is to be had.
 */
export function findAirflow(): string | undefined {
  const given = process.env["GANTRY_BENCH_AIRFLOW"];
  if (given !== undefined) return given;
  const folder = join(homedir(), ".cache", "gantry-bench", `airflow-${version}`);
  const program = join(folder, "bin", "airflow");
  if (existsSync(program)) return program;
  const made = spawnSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
  const pip = ["install", "--quiet", ...packages];
  const done =
    made.status === 0 && spawnSync(join(folder, "bin", "pip"), pip, { stdio: "inherit" });
  if (done !== false && done.status === 0) return program;
  rmSync(folder, { recursive: true, force: true });
  return undefined;
}

/** Airflow with its LocalExecutor on PostgreSQL: scheduler, DAG processor and API server. */
export class Airflow implements AsyncDisposable {
  readonly #program: string;
  readonly #home = mkdtempSync(join(tmpdir(), "gantry-bench-airflow-"));
  readonly #environment: Readonly<Record<string, string>>;
  readonly #processes: ChildProcess[] = [];
  readonly #database: Database;
  readonly #url: string;
  #token = "";

  private constructor(program: string, address: string, port: number) {
    this.#program = program;
    this.#url = `http://127.0.0.1:${port}`;
    this.#database = openPostgres(address, { connections: 2 });
    mkdirSync(join(this.#home, "dags"));
    this.#environment = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.#home,
      AIRFLOW_HOME: this.#home,
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: address.replace("postgres:", "postgresql+psycopg2:"),
      AIRFLOW__CORE__EXECUTOR: "LocalExecutor",
      AIRFLOW__CORE__PARALLELISM: "32",
      AIRFLOW__CORE__LOAD_EXAMPLES: "False",
      AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: "False",
      AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True",
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${this.#url}/execution/`,
      AIRFLOW__API__PORT: String(port),
      AIRFLOW__API__HOST: "127.0.0.1",
      AIRFLOW__API__WORKERS: "1",
      AIRFLOW__API__BASE_URL: this.#url,
      AIRFLOW__API__SECRET_KEY: "bench",
      AIRFLOW__API_AUTH__JWT_SECRET:
        "a secret of the bench that is long enough for a signature by it",
      AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL: "5",
      AIRFLOW__LOGGING__LOGGING_LEVEL: "WARNING",
    };
  }

  /** @param address of an empty database of PostgreSQL. @throws {Error} when it does not come up. */
  static async start(program: string, address: string): Promise<Airflow> {
    const airflow = new Airflow(program, address, await freePort());
    try {
      const options = { env: airflow.#environment, encoding: "utf8" } as const;
      const migrated = spawnSync(program, ["db", "migrate"], options);
      if (migrated.status !== 0) throw new Error(`airflow db migrate: ${migrated.stderr}`);
      for (const part of ["api-server", "dag-processor", "scheduler"]) airflow.#run(part);
      await airflow.#signIn();
      return airflow;
    } catch (error) {
      await airflow[Symbol.asyncDispose]();
      throw error;
    }
  }

  #run(part: string): void {
    const options = { env: this.#environment, cwd: this.#home, stdio: "ignore" } as const;
    this.#processes.push(spawn(this.#program, [part], options));
  }

  async #signIn(): Promise<void> {
    await until(
      async () => {
        const answer = await fetch(`${this.#url}/auth/token`).catch(() => undefined);
        if (answer?.ok !== true) return false;
        this.#token = ((await answer.json()) as { access_token: string }).access_token;
        return true;
      },
      500,
      patienceMs,
    );
  }

  /** Puts a file of DAGs into the folder. */
  write(name: string, text: string): void {
    writeFileSync(join(this.#home, "dags", name), text);
  }

  async until(holds: () => Promise<boolean>): Promise<void> {
    await until(holds, pollMs, patienceMs);
  }

  /** Waits until so many DAGs are known. */
  async ready(count: number): Promise<void> {
    await this.until(async () => (await this.#count("dag where not is_stale")) >= count);
  }

  async pauseAll(): Promise<void> {
    await this.#database.run("update dag set is_paused = true");
  }

  /** What changes with each new version of a DAG. */
  async hashOf(dagId: string): Promise<string> {
    const [row] = await this.#database.rows(
      "select dag_hash from serialized_dag where dag_id = ? order by last_updated desc limit 1",
      dagId,
    );
    return row === undefined ? "" : textOf(row, "dag_hash");
  }

  async trigger(dagId: string): Promise<void> {
    const answer = await fetch(`${this.#url}/api/v2/dags/${dagId}/dagRuns`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ logical_date: null }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${dagId}: ${answer.status} ${text}`);
  }

  /** Waits until no run of the DAGs whose ids begin so is open. @throws {Error} when one failed. */
  async finished(prefix: string): Promise<void> {
    const some = "dag_run where dag_id like ? and state";
    const open = `${some} in ('queued', 'running')`;
    await this.until(async () => (await this.#count(open, `${prefix}%`)) === 0);
    const failed = await this.#count(`${some} = 'failed'`, `${prefix}%`);
    if (failed > 0) throw new Error(`${failed} runs of ${prefix} failed`);
  }

  /**
   * What the tasks of DAGs in a row have waited, summed, in seconds: from the end of the one before,
   * or from when the run was asked for.
   */
  async lagOf(prefix: string): Promise<number> {
    const [row] = await this.#database.rows(
      `select extract(epoch from sum(start_date - due))::float8 as lag from (
         select it.start_date, coalesce(
           lag(it.end_date) over (partition by it.dag_id, it.run_id order by it.start_date),
           run.queued_at) as due
         from task_instance it join dag_run run on run.dag_id = it.dag_id and run.run_id = it.run_id
         where it.dag_id like ?) as each`,
      `${prefix}%`,
    );
    return row === undefined ? 0 : numberOf(row, "lag");
  }

  pids(): readonly number[] {
    return processTree(this.#processes.map((it) => it.pid ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids = this.pids();
    for (const child of this.#processes) child.kill("SIGTERM");
    const running = this.#processes.filter((it) => it.exitCode === null);
    const ended = running.map((it) => new Promise((done) => it.once("exit", done)));
    await Promise.race([Promise.all(ended), new Promise((done) => setTimeout(done, 10_000))]);
    for (const pid of pids) kill(pid);
    await this.#database[Symbol.asyncDispose]();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #count(from: string, ...values: readonly string[]): Promise<number> {
    const [row] = await this.#database.rows(`select count(*) as count from ${from}`, ...values);
    return row === undefined ? 0 : numberOf(row, "count");
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
