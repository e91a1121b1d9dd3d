import { findVersion, type DagVersion } from "#workflows/state/dags.ts";
import { listInstances } from "#workflows/state/instances.ts";
import {
  findRun,
  findRunStamps,
  type RunKey,
  type RunRow,
  type RunStamp,
} from "#workflows/state/runs.ts";
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
      instances += record.size;
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
    return await this.take(queries, run);
  }

  /** The record of a run whose row was just read. */
  async take(queries: Queries, run: RunRow): Promise<RunRecord> {
    const known = this.see(run) ? this.seen(run) : undefined;
    return known ?? (await this.#load(queries, run));
  }

  async #load(queries: Queries, run: RunRow): Promise<RunRecord> {
    const name = `${run.dagId} ${run.runId}`;
    const version = await this.#version(queries, run.dagId, run.version);
    const record = new RunRecord(run, await listInstances(queries, run), version);
    this.#fresh.add(name);
    this.#known.delete(name);
    this.#known.set(name, record);
    return record;
  }

  /** Looks with one query at whether what is known of these runs is still so. */
  async check(queries: Queries, keys: readonly RunKey[]): Promise<void> {
    const known = keys.filter((it) => {
      const name = `${it.dagId} ${it.runId}`;
      return this.#known.has(name) && !this.#fresh.has(name);
    });
    if (known.length === 0) return;
    for (const stamp of await findRunStamps(queries, known)) this.see(stamp);
  }

  /** Takes what the database says about a run. @returns whether what is known of it is so. */
  see(stamp: RunStamp): boolean {
    const name = `${stamp.dagId} ${stamp.runId}`;
    const known = this.#known.get(name);
    if (known === undefined) return false;
    if (this.#fresh.has(name)) return true;
    if (known.run.revision !== stamp.revision) return false;
    // The moment to look again is the one thing that others change without a new revision.
    known.see(stamp);
    this.#fresh.add(name);
    return true;
  }

  /** Undefined when it was not read in this turn. */
  seen(key: RunKey): RunRecord | undefined {
    const name = `${key.dagId} ${key.runId}`;
    return this.#fresh.has(name) ? this.#known.get(name) : undefined;
  }

  /** Those that were read in this turn: their rows must not be changed past them. */
  current(): RunRecord[] {
    return [...this.#fresh].flatMap((name) => this.#known.get(name) ?? []);
  }

  touched(): RunRecord[] {
    return this.current().filter((it) => it.touched);
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
