import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { CopySource } from "#build/copy/select.ts";
import { IgnoreMatcher, readIgnoreFile } from "#build/paths/ignore.ts";
import { LayeredTree } from "#build/tree/layered.ts";

const name = "the context";

/**
 * A build's context: the files of a directory but for those that .dockerignore leaves out.
 * @param dockerfile its path; `<name>.dockerignore` beside it goes before that of the context.
 * @throws {Error} for a path that is no directory, and for patterns that are broken.
 */
export function openContext(directory: string, dockerfile: string | undefined): CopySource {
  const root = resolve(directory);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(`the context ${directory} is not a directory`);
  }
  const candidates = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    `${root}/.dockerignore`,
  ];
  const file = candidates.find((it) => existsSync(it));
  const tree = new LayeredTree([{ directory: root, opaque: new Set() }]);
  if (file === undefined) return { tree, ignore: undefined, name };
  try {
    return { tree, name, ignore: new IgnoreMatcher(readIgnoreFile(readFileSync(file, "utf8"))) };
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
