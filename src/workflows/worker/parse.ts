import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { ConfigurationError } from "#dag/configuration/error.ts";
import { isConfiguration } from "#workflows/loader/scan.ts";
import { exportedDags, type AuthorModules, type Trace } from "./author-modules.ts";
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
    const dags = await modules.fresh(at, trace, async (load) => {
      if (!isConfiguration(at.file)) return exportedDags(await load(at.file));
      const { configurationDags } = await import("./configuration.ts");
      const source = { now: clock.now(), load, ...readIn(at.folder, trace) };
      return await configurationDags(at.file, source);
    });
    const models = dags.map((it) => takeSideFiles(it.model, at, trace));
    checkSize(trace.files);
    return { kind: "dags", dags: models, ...trace };
  } catch (error) {
    const line = error instanceof ConfigurationError ? error.place.line : lineOf(error, at.file);
    return { kind: "error", message: describeError(error), line, ...trace };
  }
}

/** @throws {Error} when a version would be too large. */
function checkSize(files: Readonly<Record<string, string>>): void {
  const size = Object.values(files).reduce((sum, it) => sum + it.length, 0);
  if (size <= codeSizeMax) return;
  throw new Error(`the file and what it reads have ${size} bytes; at most ${codeSizeMax} may be`);
}

/** The line of the file that an error's stack names first; undefined when it names none. */
export function lineOf(error: unknown, file: string): number | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const name = encodeURI(file.split("/").at(-1) ?? file);
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`${escaped}(?:\\?gantry=\\d+)?:(\\d+)`).exec(stack)?.[1];
  return found === undefined ? undefined : Number(found);
}
