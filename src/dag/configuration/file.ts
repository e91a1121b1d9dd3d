import type { Dag } from "#dag/authoring/dag.ts";
import { dag } from "#dag/authoring/dag.ts";
import { DagError } from "#dag/authoring/draft.ts";
import type { DagOptions } from "#dag/authoring/options.ts";
import { ConfigurationError } from "./error.ts";
import { fieldsOf, isMapping, mergeNodes, readNode, type Fields, type Node } from "./node.ts";
import { fillPlaceholders } from "./placeholders.ts";
import { readSchedule } from "./schedule.ts";
import { dagSettingNames, param, readDagSettings } from "./settings.ts";
import { TaskBuilder } from "./tasks.ts";
import {
  callableFiles,
  callbackKeys,
  readCallbacks,
  readDeadlines,
  type FindFunction,
} from "./callbacks.ts";
import { listOf, refuseUnknown, text } from "./values.ts";

/** Most DAGs of one file. */
const dagsMax = 5_000;

/** What a configuration file may read beside itself. Paths are below the folder of DAGs. */
export interface ConfigurationFiles {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined;
  /** The files that a pattern relative to the configuration file names, in order. */
  list(pattern: string): readonly string[];
}

/** One DAG of a file, its defaults merged and its placeholders filled. */
export interface DagRecipe {
  readonly id: string;
  readonly node: Node;
  /** The TypeScript files whose functions it runs, relative to the configuration file. */
  readonly callableFiles: readonly string[];
}

/** Names of files whose settings hold for all files of their folder and those below it. */
const defaultsNames = ["defaults.yml", "defaults.yaml"];

/**
 * Reads what a configuration file declares. Each top-level key is a DAG, but `default`, which all of
 * them share. With `for_each` the file is a template: `dags` is read once for each file or entry
 * that it names, with values in place of `[[ name ]]`.
 * @throws {ConfigurationError} with file, line and column.
 */
export function readConfiguration(
  content: string,
  file: string,
  files: ConfigurationFiles,
): readonly DagRecipe[] {
  const top = readNode(content, file);
  const fields = fieldsOf(top, "the file");
  const defaults = [...inherited(file, files), fields.get("default")]
    .filter((it) => it !== undefined)
    .reduce<Node | undefined>((below, it) => mergeNodes(below, it), undefined);
  const written = fields.has("for_each") ? generated(fields, files) : [...fields];
  const recipes = written
    .filter(([id]) => id !== "default")
    .map(([id, node]) => recipeOf(id, mergeNodes(defaults, node), node));
  checkIds(recipes);
  return recipes;
}

/** The settings of the folders above, the outermost first. */
function inherited(file: string, files: ConfigurationFiles): Node[] {
  const parts = file.split("/").slice(0, -1);
  const folders = parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
  return ["", ...folders].flatMap((folder) =>
    defaultsNames.flatMap((name) => {
      const content = files.read(`${folder}${name}`);
      if (content === undefined) return [];
      const node = readNode(content, `${folder}${name}`);
      return [fieldsOf(node, "the file").get("default") ?? node];
    }),
  );
}

function generated(fields: Fields, files: ConfigurationFiles): [string, Node][] {
  const sources = fields.get("for_each");
  const known = ["for_each", "dags", "default"];
  refuseUnknown(new Map([...fields].filter(([key]) => !known.includes(key))), "a template", known);
  const dags = fields.get("dags");
  if (sources === undefined || dags === undefined || !isMapping(dags)) {
    const place = (dags ?? sources)?.keyPlace ?? { file: "", line: 1, column: 1 };
    throw new ConfigurationError(place, "a file with for_each needs the mapping 'dags'");
  }
  return valuesOf(sources, files).flatMap((values) => {
    const filled = fillPlaceholders(dags, values);
    return [...fieldsOf(filled, "dags")];
  });
}

/** One set of values for each file that is named, or for each mapping that is written out. */
function valuesOf(sources: Node, files: ConfigurationFiles): Fields[] {
  return listOf((it) => it)(sources).flatMap((it) => {
    if (isMapping(it)) return [it.value];
    const pattern = text(it);
    const paths = files.list(pattern);
    if (paths.length === 0) {
      throw new ConfigurationError(it.place, `no file is named by '${pattern}'`);
    }
    return paths.map((path) => {
      const node = readNode(files.read(path) ?? "", path);
      const name = path.split("/").at(-1)?.replace(/\..*$/, "") ?? path;
      const own: Node = { place: node.place, keyPlace: node.place, value: name };
      return new Map([["file_name", own], ...fieldsOf(node, "the file")]);
    });
  });
}

function recipeOf(key: string, merged: Node, written: Node): DagRecipe {
  const node = { ...merged, place: written.place, keyPlace: written.keyPlace };
  const named = fieldsOf(written, `DAG ${key}`).get("dag_id");
  return {
    id: named === undefined ? key : text(named),
    node,
    callableFiles: callableFiles(node),
  };
}

function checkIds(recipes: readonly DagRecipe[]): void {
  const [first] = recipes;
  if (first !== undefined && recipes.length > dagsMax) {
    throw new ConfigurationError(first.node.keyPlace, `a file may declare ${dagsMax} DAGs`);
  }
  const seen = new Set<string>();
  for (const { id, node } of recipes) {
    if (seen.has(id)) throw new ConfigurationError(node.keyPlace, `two DAGs have the id '${id}'`);
    seen.add(id);
  }
}

/**
 * Makes the DAG. @param now milliseconds since the epoch, for dates such as `2 days`.
 * @throws {ConfigurationError} with file, line and column.
 */
export function buildDag(recipe: DagRecipe, findFunction: FindFunction, now: number): Dag {
  const { id, node } = recipe;
  const fields = fieldsOf(node, `DAG ${id}`);
  const options = dagOptions(id, fields, { find: findFunction, now });
  const builder = new TaskBuilder(node, findFunction);
  try {
    return dag(id, options, () => {
      builder.build();
    });
  } catch (error) {
    if (!(error instanceof DagError)) throw error;
    throw new ConfigurationError(node.keyPlace, error.message);
  }
}

function dagOptions(
  id: string,
  fields: Fields,
  { find, now }: { readonly find: FindFunction; readonly now: number },
): DagOptions {
  const defaultArgs = fieldsOf(
    fields.get("default_args") ?? fields.get("defaultArgs"),
    "default_args",
  );
  const { options, left } = readDagSettings(fields, defaultArgs, now);
  const known = [
    "dag_id",
    "params",
    "tasks",
    "task_groups",
    "default",
    "deadline",
    ...callbackKeys,
  ];
  const unknown = new Map([...left].filter(([key]) => !known.includes(key)));
  refuseUnknown(unknown, `DAG ${id}`, [...dagSettingNames, ...known]);
  const params = [...fieldsOf(fields.get("params"), "params")];
  const zone = options.timeZone ?? "UTC";
  const deadlines = readDeadlines(fields.get("deadline"), find, { zone, now });
  return {
    ...options,
    ...readCallbacks(fields, find),
    ...(deadlines.length === 0 ? {} : { deadline: deadlines }),
    schedule: readSchedule(fields, zone),
    params: Object.fromEntries(params.map(([name, it]) => [name, param(it)])),
  };
}
