import type { Clock } from "#base/clock.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import { ConfigurationError } from "#dag/configuration/error.ts";
import { isConfiguration } from "#workflows/loader/scan.ts";
import { exportedDags, type AuthorModules, type Declared, type Trace } from "./author-modules.ts";
import { lineOf, PlacedError, placeOf } from "./error-place.ts";
import { readIn } from "./folder-files.ts";
import type { ParseResult } from "./protocol.ts";
import { takeSideFiles } from "./side-files.ts";

/** Most bytes of a file's code, with all that it reads from the folder. */
const codeSizeMax = 4 * 1024 * 1024;

/** Reads a file anew and gives the DAGs that it declares; never throws. */
export async function parseFile(
  modules: AuthorModules,
  clock: Clock,
  at: { readonly folder: string; readonly file: string; readonly serial: number },
): Promise<ParseResult> {
  const trace: Trace = { files: {}, looked: {} };
  try {
    const dags = await modules.fresh(at, trace, async (load, declared) => {
      if (!isConfiguration(at.file)) {
        const exported = exportedDags(await load(at.file));
        refuseUnexported(exported, declared, at.file);
        return exported;
      }
      const { configurationDags } = await import("./configuration.ts");
      const source = { now: clock.now(), load, ...readIn(at.folder, trace) };
      return await configurationDags(at.file, source);
    });
    const models = dags.map((it) => takeSideFiles(it.model, at, trace));
    checkSize(trace.files);
    return { kind: "dags", dags: models, ...trace };
  } catch (error) {
    const { message, line } = placeOf(error, at, trace.files);
    const known = error instanceof ConfigurationError ? error.place.line : line;
    return { kind: "error", message, line: known, ...trace };
  }
}

/**
 * Nothing else would tell who forgot an `export`. DAGs of other files are theirs.
 * @throws {PlacedError} for a DAG of the file that it keeps to itself.
 */
function refuseUnexported(exported: readonly Dag[], declared: Declared, file: string): void {
  for (const [dag, place] of declared) {
    const line = exported.includes(dag) ? undefined : lineOf(place, file);
    if (line === undefined) continue;
    throw new PlacedError(
      `DAG ${dag.model.id} is not exported: write \`export const … = dag(…)\`, or export a list of DAGs`,
      line,
    );
  }
}

/** @throws {Error} when a version would be too large. */
function checkSize(files: Readonly<Record<string, string>>): void {
  const size = Object.values(files).reduce((sum, it) => sum + it.length, 0);
  if (size <= codeSizeMax) return;
  throw new Error(`the file and what it reads have ${size} bytes; at most ${codeSizeMax} may be`);
}
