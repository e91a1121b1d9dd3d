import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Json } from "#api/object.ts";
import type { DagModel, TaskModel } from "#dag/model/model.ts";
import type { Sources } from "#dag/template/evaluate.ts";
import { namedTemplates } from "#dag/template/named-templates.ts";
import { parsedOnce } from "#dag/template/render.ts";
import { operators } from "#workflows/operators/list.ts";
import type { Operator } from "#workflows/operators/operator.ts";
import type { Trace } from "./author-modules.ts";
import { lineNaming, PlacedError } from "./error-place.ts";
import { below, namedFiles } from "./folder-files.ts";
import type { Code } from "./protocol.ts";

/** A DAG's file, below the folder of DAGs. */
interface DagFile {
  readonly folder: string;
  readonly file: string;
}

/**
 * Takes the files that a DAG names into its version: those of its `files`, and the templates that
 * its tasks name, for which the arguments then hold `{"$file": path}`.
 * @throws {Error} at a file that is not there, or is no text.
 */
export function takeSideFiles(model: DagModel, at: DagFile, trace: Trace): DagModel {
  for (const pattern of model.files ?? []) {
    const full = below(join(dirname(at.file), pattern));
    const found = namedFiles(at.folder, full);
    trace.looked[full] = found;
    if (found.length === 0) {
      const line = lineNaming(trace.files[at.file], pattern);
      throw new PlacedError(`DAG ${model.id}: no file is named by '${pattern}'`, line);
    }
    for (const path of found) trace.files[path] = readText(at.folder, path);
  }
  const places = ["", ...(model.templateSearchpath ?? [])].map((it) => join(dirname(at.file), it));
  const search = { at, places, trace };
  const tasks = model.tasks.map((it) => withOthers(withTemplates(it, search), search));
  return { ...model, tasks };
}

interface Search {
  readonly at: DagFile;
  readonly places: readonly string[];
  readonly trace: Trace;
}

function withTemplates(task: TaskModel, search: Search): TaskModel {
  const operator = operators.get(task.operator);
  if (operator?.templateEndings === undefined) return task;
  const names = operator.templated;
  function take(values: Readonly<Record<string, Json | undefined>>): Record<string, Json> {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        names.includes(name) ? named(value ?? null) : (value ?? null),
      ]),
    );
  }
  function named(value: Json): Json {
    if (Array.isArray(value)) return value.map(named);
    if (typeof value !== "string" || !hasEnding(value, operator)) return value;
    return value.includes("\n") ? value : { $file: findTemplate(task.id, value, search) };
  }
  const { expand } = task;
  return {
    ...task,
    arguments: take(task.arguments),
    ...(expand === undefined || task.mappedGroup !== undefined
      ? {}
      : { expand: { ...expand, over: take(expand.over) } }),
  };
}

/** Most templates that those of one task use. */
const othersMax = 200;

/** Takes in what the templates of a task extend, include and import. */
function withOthers(task: TaskModel, search: Search): TaskModel {
  const names = operators.get(task.operator)?.templated ?? [];
  const found = new Map<string, string>();
  const values = names.flatMap((it) => [task.arguments[it], task.expand?.over[it]]);
  const open = values.flatMap((it) => textsIn(it ?? null, search));
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    for (const { name, optional } of namedTemplates(text)) {
      if (found.has(name)) continue;
      const path = optional ? maybeTemplate(name, search) : findTemplate(task.id, name, search);
      if (path === undefined) continue;
      found.set(name, path);
      if (found.size > othersMax) {
        throw new Error(`task ${task.id}: its templates use more than ${othersMax} others`);
      }
      open.push(search.trace.files[path] ?? "");
    }
  }
  return found.size === 0 ? task : { ...task, templateFiles: Object.fromEntries(found) };
}

/** Every text in an argument, and those of the files that stand in it. */
function textsIn(value: Json, search: Search): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap((it) => textsIn(it, search));
  if (typeof value !== "object" || value === null) return [];
  const path = value["$file"];
  if (typeof path === "string") return [search.trace.files[path] ?? ""];
  return Object.values(value).flatMap((it) => textsIn(it ?? null, search));
}

function maybeTemplate(name: string, { at, places, trace }: Search): string | undefined {
  for (const place of places) {
    const path = below(join(place, name));
    trace.looked[path] = namedFiles(at.folder, path);
    if (trace.looked[path].length === 0) continue;
    trace.files[path] = readText(at.folder, path);
    return path;
  }
  return undefined;
}

function findTemplate(taskId: string, name: string, search: Search): string {
  const found = maybeTemplate(name, search);
  if (found !== undefined) return found;
  const { at, places, trace } = search;
  const where = places.map((it) => (it === "." ? "the folder of DAGs" : it)).join(", ");
  throw new PlacedError(
    `task ${taskId}: there is no file '${name}' in ${where}; a space after it makes it a text`,
    lineNaming(trace.files[at.file], name),
  );
}

/** @throws {Error} for a file that is not UTF-8. */
function readText(folder: string, path: string): string {
  const bytes = readFileSync(join(folder, path));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${path} is not a text in UTF-8, as files of a version must be`, { cause });
  }
}

function hasEnding(name: string, operator: Operator | undefined): boolean {
  return operator?.templateEndings?.some((it) => name.endsWith(it)) === true;
}

/** What templates of a task may use besides, by name. */
export function templateSources(task: TaskModel, code: Code | undefined): Sources {
  return (name) => {
    const { templateFiles = {} } = task;
    const path = Object.hasOwn(templateFiles, name) ? templateFiles[name] : undefined;
    if (path === undefined || code === undefined) return undefined;
    return parsedOnce(readText(code.bundleFolder, below(path)));
  };
}

/** The argument with the texts of its template files. */
export function loadTemplates(value: Json, code: Code | undefined): Json {
  if (Array.isArray(value)) return value.map((it) => loadTemplates(it, code));
  if (typeof value !== "object" || value === null) return value;
  const path = value["$file"];
  if (typeof path !== "string") return value;
  if (code === undefined) throw new Error(`the files of the DAG are not here: ${path}`);
  return readText(code.bundleFolder, below(path));
}
