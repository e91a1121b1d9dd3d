import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const program = resolve("dist/gantry.js");
/** Of all of them: schedulers of one database have one. */
const key = Buffer.alloc(32, 7).toString("base64");

export interface Started {
  /** Names its data directory. */
  readonly data: string;
  /** With the database's address; true when undefined. */
  readonly hasDatabase?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Schedulers and workers in processes of their own, with one folder of DAGs and one database. */
export class WorkflowProcesses implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), "gantry-workers-"));
  readonly #database: string;
  readonly #children = new Set<ChildProcess>();

  /** @param dags the content of a file of DAGs, given the folder for {@link notes}. */
  constructor(database: string, dags: (home: string) => string) {
    this.#database = database;
    mkdirSync(join(this.#home, "dags"));
    writeFileSync(join(this.#home, "dags", "dags.ts"), dags(this.#home));
  }

  /** Runs a verb. @throws {AssertionError} with what it wrote when it fails. */
  gantry(...args: readonly string[]): string {
    const how = { data: "scheduler" };
    const result = spawnSync("env", this.#command(how, args), { encoding: "utf8" });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  }

  start(how: Started, ...args: readonly string[]): ChildProcess {
    const child = spawn("env", this.#command(how, args), {
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#children.add(child);
    return child;
  }

  /** With the CeleryExecutor, and its workers' address at this port of loopback. */
  startScheduler(port: number, how: Started, ...args: readonly string[]): ChildProcess {
    const address = `127.0.0.1:${port}`;
    const where = ["--worker-address", address, "--worker-url", `http://${address}`];
    return this.start(how, "scheduler", "--executor", "CeleryExecutor", ...where, ...args);
  }

  startWorker(name: string, queues: string, how: Omit<Started, "data"> = {}): ChildProcess {
    const args = ["worker", "-q", queues, "--autoscale", "4,1", "-H", name];
    return this.start({ ...how, data: name }, ...args);
  }

  /** By task: its state and its try. */
  states(dag: string, run: string): Record<string, string> {
    const text = this.gantry("tasks", "states-for-dag-run", dag, run, "-o", "json");
    const rows = JSON.parse(text) as Record<string, unknown>[];
    return Object.fromEntries(
      rows.map((it) => [
        String(it["task_id"]),
        `${String(it["state"])} in try ${String(it["try_number"])}`,
      ]),
    );
  }

  /** What tasks have noted in the file of this name, a line each. */
  notes(name: string): string[] {
    const file = join(this.#home, `ran-${name}`);
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  /** Lets the tasks go on that wait for this file. */
  release(name: string): void {
    writeFileSync(join(this.#home, `go-${name}`), "");
  }

  [Symbol.dispose](): void {
    for (const it of this.#children) it.kill("SIGKILL");
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** For `env`, which the program then takes the place of. */
  #command(how: Started, args: readonly string[]): string[] {
    const variables = { GANTRY_SECRET_KEY: key, ...how.environment };
    const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return [...set, process.execPath, program, ...args, ...this.#where(how)];
  }

  #where({ data, hasDatabase = true }: Started): string[] {
    const place = ["--data-dir", join(this.#home, data)];
    const folder = ["--dags-folder", join(this.#home, "dags")];
    return hasDatabase
      ? [...place, ...folder, "--database", this.#database]
      : [...place, ...folder];
  }
}

/** The command of a task that notes its try, and waits until it is released. */
export function notingCommand(home: string, name: string): string {
  return `echo {{ ti.try_number }} >> ${home}/ran-${name}; while ! test -e ${home}/go-${name}; do sleep 0.2; done`;
}

/** @returns the exit code; null when the signal ended it. */
export async function kill(
  child: ChildProcess,
  signal: "SIGKILL" | "SIGTERM",
): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  return ((await ended) as [number | null])[0];
}
