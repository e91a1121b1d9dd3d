import type { Json } from "#api/object.ts";
import { templateNames, type Lookup, type TemplateRun } from "#dag/template/context.ts";
import { renderDeep } from "#dag/template/render.ts";
import type { Sources } from "#dag/template/evaluate.ts";
import type { Job } from "./protocol.ts";
import { templateSources } from "./side-files.ts";

/** Most things outside that the templates of one task may look up. */
const lookupsMax = 200;

/** Thrown to find out what a template needs; it is rendered again when that is known. */
class Unknown extends Error {
  readonly lookup: Lookup;

  constructor(lookup: Lookup) {
    super("not looked up yet");
    this.lookup = lookup;
  }
}

/** Fills in the templates of a task. */
export class Templates {
  readonly #run: TemplateRun;
  readonly #find: (lookup: Lookup) => Promise<Json>;
  readonly #sources: Sources;
  readonly #known = new Map<string, Json>();

  /** @param find asks for what is outside, and hides the secrets in it. */
  constructor(job: Job, now: number, find: (lookup: Lookup) => Promise<Json>) {
    const { dagId, taskId, runId, mapIndex, tryNumber, run } = job;
    this.#run = { ...run, dagId, taskId, runId, mapIndex, tryNumber, now };
    this.#find = find;
    this.#sources = templateSources(job.task, job.code);
  }

  /** @throws {TemplateError} naming the argument. */
  async render(value: Json): Promise<Json> {
    const names = templateNames(this.#run, (lookup) => {
      const key = JSON.stringify(lookup);
      const found = this.#known.get(key);
      if (found === undefined) throw new Unknown(lookup);
      return found;
    });
    for (;;) {
      try {
        return renderDeep(value, names, this.#sources);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        if (this.#known.size >= lookupsMax) {
          throw new Error(`the templates look up more than ${lookupsMax} things`, { cause: error });
        }
        this.#known.set(JSON.stringify(error.lookup), await this.#find(error.lookup));
      }
    }
  }
}
