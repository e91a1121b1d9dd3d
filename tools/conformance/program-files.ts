import { execFile } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { LayerFile } from "#cri/images/oci-archive.ts";

const execute = promisify(execFile);

/** A program of this machine that an image needs, and the Debian package that has it. */
export interface Program {
  readonly path: string;
  readonly package: string;
}

/** @throws {Error} naming the packages to install when programs are missing. */
export function requirePrograms(programs: readonly Program[]): void {
  const missing = programs.filter(({ path }) => !existsSync(path)).map((it) => it.package);
  if (missing.length === 0) return;
  throw new Error(
    `programs for the test images are missing: apt-get install ${[...new Set(missing)].join(" ")}`,
  );
}

/** Programs and the libraries they load, each at its path on this machine. */
export async function programFiles(paths: readonly string[]): Promise<LayerFile[]> {
  const libraries = new Set<string>();
  for (const path of paths) {
    for (const library of await librariesOf(path)) libraries.add(library);
  }
  return [...paths, ...libraries].toSorted().map((path) => ({
    type: "file",
    name: path.slice(1),
    mode: 0o755,
    content: readFileSync(realpathSync(path)),
  }));
}

async function librariesOf(path: string): Promise<readonly string[]> {
  try {
    return parseLibraries((await execute("ldd", [path])).stdout);
  } catch (error) {
    // ldd's answer for a static program.
    if ((error as { stderr?: string }).stderr?.includes("not a dynamic executable") === true)
      return [];
    throw error;
  }
}

/** The paths in what `ldd` prints. @throws {Error} for a library that is not found. */
export function parseLibraries(text: string): readonly string[] {
  const missing = /^\s*(\S+) => not found$/m.exec(text)?.[1];
  if (missing !== undefined) throw new Error(`the library ${missing} is not on this machine`);
  return [...text.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path = ""]) => path);
}

/** Every folder above the files, the upper ones first: a layer without them gets their modes wrong. */
export function withFolders(files: readonly LayerFile[]): LayerFile[] {
  const named = new Set(files.filter((it) => it.type === "directory").map((it) => it.name));
  const folders = new Set<string>();
  for (const { name } of files) {
    for (let at = dirname(name); at !== "."; at = dirname(at)) if (!named.has(at)) folders.add(at);
  }
  const added = [...folders].map((name): LayerFile => ({ type: "directory", name, mode: 0o755 }));
  return [...added, ...files].toSorted((one, other) => depthOf(one) - depthOf(other));
}

/** Files and links come after all folders. */
function depthOf({ type, name }: LayerFile): number {
  return type === "directory" ? name.split("/").length : 1000;
}
