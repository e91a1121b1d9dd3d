import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  ignoreFileName,
  ignoreRules,
  type IgnoreFile,
  type IgnoreSyntax,
} from "#dag/ignore/ignore.ts";

/** Most files that are looked at in a folder of DAGs. */
export const filesMax = 20_000;
/** What every DAG file in TypeScript or JavaScript imports. */
const mark = "gantry/workflows";

export interface DagFile {
  /** Below the folder, with `/`. */
  readonly path: string;
  /** Changes when the file does. */
  readonly stamp: string;
}

/** Whether code may declare DAGs; other files are parts that those import. */
function declaresDags(path: string): boolean {
  return readFileSync(path, "utf8").includes(mark);
}

/**
 * The DAG files of a folder and its subfolders, in order, without those that ignore files name.
 * @throws {Error} when there are too many, or an ignore file is bad.
 */
export function scanFolder(folder: string, syntax: IgnoreSyntax): readonly DagFile[] {
  const found: DagFile[] = [];
  let seen = 0;
  function visit(below: string, above: readonly IgnoreFile[]): void {
    const own = join(folder, below, ignoreFileName);
    const files = existsSync(own)
      ? [...above, { folder: below, text: readFileSync(own, "utf8") }]
      : above;
    const ignores = ignoreRules(files, syntax);
    const entries = readdirSync(join(folder, below), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      seen += 1;
      if (seen > filesMax) throw new Error(`${folder} has more than ${filesMax} files`);
      if (ignores(path, entry.isDirectory())) continue;
      if (entry.isDirectory()) visit(path, files);
      else if (isCandidate(entry.name)) add(path);
    }
  }
  function add(path: string): void {
    const full = join(folder, path);
    const stamp = stampOf(full);
    if (stamp !== undefined && (isConfiguration(path) || declaresDags(full))) {
      found.push({ path, stamp });
    }
  }
  visit("", []);
  return found;
}

/** Undefined when there is no such file. */
export function stampOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : undefined;
}

function isCandidate(name: string): boolean {
  if (name.endsWith(".test.ts") || name.endsWith(".d.ts")) return false;
  return /\.(ts|mts|js|mjs)$/.test(name) || isConfiguration(name);
}

/** DAGs as configuration: `orders.dag.yaml`, `orders.dag.json`. */
export function isConfiguration(path: string): boolean {
  return /\.dag\.(ya?ml|json)$/.test(path);
}
