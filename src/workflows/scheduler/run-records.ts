import { findVersion, type DagVersion } from "#workflows/state/dags.ts";
import { listInstances } from "#workflows/state/instances.ts";
import { findRun, type RunKey } from "#workflows/state/runs.ts";
import type { Queries } from "#sql/database.ts";
import { RunRecord } from "./run-record.ts";

/** Most task instances that are kept in memory from turn to turn. */
const instancesMax = 200_000;
/** Most versions of DAGs that are kept decoded. */
const versionsMax = 500;

/**
 * Runs that were read, kept while their revision in the database is the same. What is kept only
 * saves reading; nothing is known only here.
 */
export class RunRecords {
  readonly #known = new Map<string, RunRecord>();
  readonly #versions = new Map<string, DagVersion>();
  /** Checked against the database in this turn. */
  readonly #fresh = new Set<string>();

  /** Begins a turn: what others may have changed must be checked again. */
  begin(): void {
    this.#fresh.clear();
    let instances = 0;
    for (const [key, record] of [...this.#known].reverse()) {
      instances += record.instances().length;
      if (instances > instancesMax) this.#known.delete(key);
    }
  }

  /** Forgets everything, since a turn was undone. */
  clear(): void {
    this.#known.clear();
    this.#fresh.clear();
  }

  /** Undefined when there is no such run. */
  async get(queries: Queries, key: RunKey): Promise<RunRecord | undefined> {
    const name = `${key.dagId} ${key.runId}`;
    const known = this.#known.get(name);
    if (known !== undefined && this.#fresh.has(name)) return known;
    const run = await findRun(queries, key);
    if (run === undefined) {
      this.#known.delete(name);
      return undefined;
    }
    this.#fresh.add(name);
    if (known?.run.revision === run.revision) {
      // The moment to look again is the one thing that others change without a new revision.
      known.see(run);
      return known;
    }
    const version = await this.#version(queries, run.dagId, run.version);
    const record = new RunRecord(run, await listInstances(queries, key), version);
    this.#known.delete(name);
    this.#known.set(name, record);
    return record;
  }

  /** As it was read last, if it was. */
  peek(key: RunKey): RunRecord | undefined {
    return this.#known.get(`${key.dagId} ${key.runId}`);
  }

  /** Those that were read in this turn: their rows must not be changed past them. */
  current(): RunRecord[] {
    return [...this.#fresh].flatMap((name) => this.#known.get(name) ?? []);
  }

  touched(): RunRecord[] {
    return [...this.#known.values()].filter((it) => it.touched);
  }

  forget(key: RunKey): void {
    this.#known.delete(`${key.dagId} ${key.runId}`);
  }

  async #version(queries: Queries, dagId: string, number: number): Promise<DagVersion> {
    const name = `${dagId} ${number}`;
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const version = await findVersion(queries, dagId, number);
    if (version === undefined) throw new Error(`version ${number} of DAG ${dagId} is not stored`);
    if (this.#versions.size >= versionsMax) {
      const [oldest] = this.#versions.keys();
      if (oldest !== undefined) this.#versions.delete(oldest);
    }
    this.#versions.set(name, version);
    return version;
  }
}
