import { dirname, join } from "node:path";
import type { Dag } from "#dag/authoring/dag.ts";
import type { TaskFunction } from "#dag/authoring/draft.ts";
import { buildDag, readConfiguration } from "#dag/configuration/file.ts";
import { below, type FolderFiles } from "./folder-files.ts";

/** What DAGs as configuration are made from. Paths are below the folder of DAGs. */
export interface ConfigurationSource extends FolderFiles {
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
