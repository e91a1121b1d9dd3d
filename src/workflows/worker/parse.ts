import { describeError } from "#base/log.ts";
import { exportedDags, type AuthorModules } from "./author-modules.ts";
import type { ParseResult } from "./protocol.ts";

/** Most bytes of a file's code, with all that it imports from the folder. */
const codeSizeMax = 4 * 1024 * 1024;

/** Imports a file anew and gives the DAGs that it exports; never throws. */
export async function parseFile(
  modules: AuthorModules,
  at: { readonly folder: string; readonly file: string; readonly serial: number },
): Promise<ParseResult> {
  try {
    const { exports, files } = await modules.importFresh(at.folder, at.file, at.serial);
    const size = Object.values(files).reduce((sum, it) => sum + it.length, 0);
    if (size > codeSizeMax) {
      throw new Error(
        `the file and what it imports have ${size} bytes; at most ${codeSizeMax} may be`,
      );
    }
    return { kind: "dags", dags: exportedDags(exports).map((it) => it.model), files };
  } catch (error) {
    return { kind: "error", message: describeError(error), line: lineOf(error, at.file) };
  }
}

/** The line of the file that an error's stack names first. */
function lineOf(error: unknown, file: string): number | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const name = encodeURI(file.split("/").at(-1) ?? file);
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`${escaped}(?:\\?gantry=\\d+)?:(\\d+)`).exec(stack)?.[1];
  return found === undefined ? undefined : Number(found);
}
