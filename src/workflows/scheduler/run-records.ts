import { assert } from "#base/assert.ts";
import {
  findVersion,
  findVersionHashes,
  type DagVersion,
  type VersionKey,
} from "#workflows/state/dags.ts";
import { insertInstances, listInstancesOf, updateInstances } from "#workflows/state/instances.ts";
import {
  findRuns,
  findRunStamps,
  updateRuns,
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
    return this.seen(key) ?? (await this.#load(queries, await this.#find(queries, [key])))[0];
  }

  /** The records of runs whose rows were just read, in their order. */
  async take(queries: Queries, runs: readonly RunRow[]): Promise<readonly RunRecord[]> {
    await this.#load(
      queries,
      runs.filter((it) => !this.see(it)),
    );
    return runs.flatMap((it) => this.seen(it) ?? []);
  }

  /** Has what is known of these runs be as the database has it, with few queries for all. */
  async check(queries: Queries, keys: readonly RunKey[]): Promise<void> {
    const known = keys.filter((it) => this.seen(it) === undefined && this.#known.has(nameOf(it)));
    if (known.length > 0) for (const it of await findRunStamps(queries, known)) this.see(it);
    const others = keys.filter((it) => this.seen(it) === undefined);
    if (others.length > 0) await this.#load(queries, await this.#find(queries, others));
  }

  async #find(queries: Queries, keys: readonly RunKey[]): Promise<readonly RunRow[]> {
    for (const key of keys) this.forget(key);
    return await findRuns(queries, keys);
  }

  async #load(queries: Queries, runs: readonly RunRow[]): Promise<readonly RunRecord[]> {
    if (runs.length === 0) return [];
    const [instances, versions] = await Promise.all([
      listInstancesOf(queries, runs),
      this.#versionsOf(queries, runs),
    ]);
    const byRun = Map.groupBy(instances, nameOf);
    return runs.map((run) => {
      const name = nameOf(run);
      const version = versions.get(versionName(run));
      assert(version !== undefined, "the version of a run was looked for");
      const record = new RunRecord(run, byRun.get(name) ?? [], version);
      this.#fresh.add(name);
      this.#known.delete(name);
      this.#known.set(name, record);
      return record;
    });
  }

  /** Takes what the database says about a run. @returns whether what is known of it is so. */
  see(stamp: RunStamp): boolean {
    const name = nameOf(stamp);
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
    const name = nameOf(key);
    return this.#fresh.has(name) ? this.#known.get(name) : undefined;
  }

  /** Those that were read in this turn: their rows must not be changed past them. */
  current(): RunRecord[] {
    return [...this.#fresh].flatMap((name) => this.#known.get(name) ?? []);
  }

  touched(): RunRecord[] {
    return this.current().filter((it) => it.touched);
  }

  /** Writes all changes. @throws when somebody changed a run or an instance meanwhile. */
  async commit(queries: Queries): Promise<void> {
    const changes = this.touched().map((it) => it.takeChanges());
    const changed = changes.flatMap((it) => it.changed);
    const [, instances, runs] = await Promise.all([
      insertInstances(
        queries,
        changes.flatMap((it) => it.added),
      ),
      updateInstances(queries, changed),
      updateRuns(
        queries,
        changes.map((it) => it.run),
      ),
    ]);
    assert(instances === changed.length, "every instance is still as it was read");
    assert(runs === changes.length, "every run is still as it was read");
  }

  forget(key: RunKey): void {
    this.#known.delete(nameOf(key));
  }

  /** The newest version of a DAG whose row was just read, if it is known. */
  version(dag: VersionKey & Pick<DagVersion, "hash">): DagVersion | undefined {
    const known = this.#versions.get(versionName(dag));
    return known?.hash === dag.hash ? known : undefined;
  }

  /** By their names, each decoded once however many runs are of it. */
  async #versionsOf(
    queries: Queries,
    runs: readonly VersionKey[],
  ): Promise<ReadonlyMap<string, DagVersion>> {
    const asked = new Map(runs.map((it) => [versionName(it), it]));
    const found = new Map<string, DagVersion>();
    for (const stored of await findVersionHashes(queries, [...asked.values()])) {
      const { dagId, version: number } = stored;
      const version = this.version(stored) ?? (await findVersion(queries, dagId, number));
      if (version === undefined) continue;
      found.set(versionName(stored), version);
      this.#keep(versionName(stored), version);
    }
    for (const [name, { dagId, version }] of asked) {
      if (!found.has(name)) throw new Error(`version ${version} of DAG ${dagId} is not stored`);
    }
    return found;
  }

  #keep(name: string, version: DagVersion): void {
    const [oldest] = this.#versions.keys();
    if (this.#versions.size >= versionsMax && oldest !== undefined) this.#versions.delete(oldest);
    this.#versions.set(name, version);
  }
}

/** Ids hold no spaces. */
function nameOf({ dagId, runId }: RunKey): string {
  return `${dagId} ${runId}`;
}

function versionName({ dagId, version }: VersionKey): string {
  return `${dagId} ${version}`;
}
