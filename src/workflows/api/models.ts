import type { Queries } from "#sql/database.ts";
import { findVersion, type DagVersion } from "#workflows/state/dags.ts";

/** Versions of DAGs that are kept decoded; a version never changes. */
const versionsMax = 200;

/** Versions of DAGs as they were read last. */
export class ModelCache {
  readonly #known = new Map<string, DagVersion>();

  /** Undefined when there is no such version. */
  async get(queries: Queries, dagId: string, number: number): Promise<DagVersion | undefined> {
    const name = `${number} ${dagId}`;
    const known = this.#known.get(name);
    const version = known ?? (await findVersion(queries, dagId, number));
    if (version === undefined) return undefined;
    // The one that was asked for last is the last to go.
    this.#known.delete(name);
    this.#known.set(name, version);
    const [oldest] = this.#known.keys();
    if (this.#known.size > versionsMax && oldest !== undefined) this.#known.delete(oldest);
    return version;
  }

  /** A DAG was deleted: its versions begin anew. */
  forget(dagId: string): void {
    for (const name of [...this.#known.keys()]) {
      if (name.slice(name.indexOf(" ") + 1) === dagId) this.#known.delete(name);
    }
  }
}
