import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Dag } from "#dag/authoring/dag.ts";
import type { TaskFunction } from "#dag/authoring/draft.ts";
import { buildDag, readConfiguration, type ConfigurationFiles } from "#dag/configuration/file.ts";
import type { Trace } from "./author-modules.ts";

/** Most files that one pattern may name. */
const filesMax = 5_000;

/** What DAGs as configuration are made from. Paths are below the folder of DAGs. */
export interface ConfigurationSource extends Pick<ConfigurationFiles, "read"> {
  /** The files that a pattern names, in order. */
  glob(pattern: string): readonly string[];
  /** The exports of a TypeScript file. */
  load(path: string): Promise<object>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The DAGs of a configuration file. @throws {ConfigurationError} with file, line and column. */
export async function configurationDags(file: string, source: ConfigurationSource): Promise<Dag[]> {
  const beside = (path: string): string => below(join(dirname(file), path));
  const recipes = readConfiguration(source.read(file) ?? "", file, {
    read: source.read,
    list: (pattern) => source.glob(beside(pattern)).filter((it) => it !== file),
  });
  const modules = new Map<string, object>();
  for (const path of new Set(recipes.flatMap((it) => it.callableFiles))) {
    modules.set(path, await load(source, path, beside(path)));
  }
  const find = (path: string, name: string): TaskFunction => functionOf(modules, path, name);
  return recipes.map((it) => buildDag(it, find, source.now));
}

async function load(source: ConfigurationSource, path: string, full: string): Promise<object> {
  if (/\.py$/.test(path)) throw new Error(`${path}: functions are read from TypeScript files`);
  return await source.load(full);
}

function functionOf(
  modules: ReadonlyMap<string, object>,
  path: string,
  name: string,
): TaskFunction {
  const found: unknown = (modules.get(path) as Record<string, unknown> | undefined)?.[name];
  if (typeof found === "function") return found as TaskFunction;
  throw new Error(`${path} exports no function '${name}'`);
}

/** Files below a folder. @param trace is told what is read and looked for. */
export function readIn(
  folder: string,
  trace: Trace | undefined,
): Pick<ConfigurationSource, "read" | "glob"> {
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
