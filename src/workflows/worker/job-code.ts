import type { Clock } from "#base/clock.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import { isConfiguration } from "#workflows/loader/scan.ts";
import { exportedDags, type AuthorModules } from "./author-modules.ts";
import { readIn } from "./folder-files.ts";
import type { Code, Job } from "./protocol.ts";

/** The DAGs of jobs as their files declare them; each version is read once. */
export class JobCode {
  readonly #modules: AuthorModules;
  readonly #clock: Clock;
  readonly #dags = new Map<string, Dag>();

  constructor(modules: AuthorModules, clock: Clock) {
    this.#modules = modules;
    this.#clock = clock;
  }

  /** Undefined for a job without code. @throws what the author's file throws. */
  async dagOf({ code, dagId }: Pick<Job, "code" | "dagId">): Promise<Dag | undefined> {
    if (code === undefined) return undefined;
    const key = `${code.bundleFolder}/${code.file}#${dagId}`;
    const known = this.#dags.get(key);
    if (known !== undefined) return known;
    for (const dag of await this.#read(code)) {
      this.#dags.set(`${code.bundleFolder}/${code.file}#${dag.model.id}`, dag);
    }
    return this.#dags.get(key);
  }

  async #read({ bundleFolder, file, dagsFolder }: Code): Promise<readonly Dag[]> {
    const load = (path: string): Promise<object> =>
      this.#modules.importCopy(bundleFolder, path, dagsFolder);
    if (!isConfiguration(file)) return exportedDags(await load(file));
    const { configurationDags } = await import("./configuration.ts");
    const files = readIn(bundleFolder, undefined);
    return await configurationDags(file, { now: this.#clock.now(), load, ...files });
  }
}
