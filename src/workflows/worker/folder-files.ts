import { existsSync, globSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import type { Trace } from "./author-modules.ts";

/** Most files that one pattern may name. */
const filesMax = 5_000;

/** What is read of a folder; paths are below it. */
export interface FolderFiles {
  /** Undefined when there is no such file. */
  readonly read: (path: string) => string | undefined;
  /** The files that a pattern names, in order. */
  readonly glob: (pattern: string) => readonly string[];
}

/** Files below a folder. @param trace is told what is read and looked for. */
export function readIn(folder: string, trace: Trace | undefined): FolderFiles {
  function glob(pattern: string): readonly string[] {
    const found = namedFiles(folder, below(pattern));
    if (trace !== undefined) trace.looked[pattern] = found;
    return found;
  }
  return {
    glob,
    read: (path) => {
      const full = join(folder, below(path));
      if (!existsSync(full)) {
        glob(path);
        return undefined;
      }
      const text = readFileSync(full, "utf8");
      if (trace !== undefined) trace.files[path] = text;
      return text;
    },
  };
}

/** The files below a folder that a pattern names, in order. @throws {Error} when there are too many. */
export function namedFiles(folder: string, pattern: string): readonly string[] {
  const found = globSync(pattern, { cwd: folder }).sort();
  if (found.length <= filesMax) return found;
  throw new Error(`'${pattern}' names more than ${filesMax} files`);
}

/** A path that stays in its folder. @throws {Error} for one that does not. */
export function below(path: string): string {
  const clean = normalize(path);
  if (!clean.startsWith("/") && clean !== ".." && !clean.startsWith("../")) return clean;
  throw new Error(`'${path}' is outside the folder of DAGs`);
}
