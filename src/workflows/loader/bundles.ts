import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Queries } from "#sql/database.ts";
import { findBundle, type BundleFiles } from "#workflows/state/dags.ts";

/** Equal exactly for equal files. */
export function bundleHash(files: BundleFiles): string {
  const hash = createHash("sha256");
  for (const path of Object.keys(files).sort()) {
    hash.update(JSON.stringify([path, files[path]]));
  }
  return hash.digest("hex").slice(0, 32);
}

/** Puts the code of versions into folders, where workers import it. */
export class BundleFolders {
  readonly #folder: string;
  readonly #known = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The folder with a version's code; written when it is not there. @throws {Error} if it is lost. */
  async folderOf(queries: Queries, hash: string): Promise<string> {
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const folder = join(this.#folder, hash);
    if (!existsSync(folder)) {
      const files = await findBundle(queries, hash);
      if (files === undefined) throw new Error(`the code of version ${hash} is not stored`);
      writeBundleOnce(folder, files);
    }
    this.#known.set(hash, folder);
    return folder;
  }
}

/** Complete or not at all, also when several processes do it at a time. */
export function writeBundleOnce(folder: string, files: BundleFiles): void {
  if (existsSync(folder)) return;
  const partial = `${folder}.${randomBytes(6).toString("hex")}`;
  for (const [path, text] of Object.entries(files)) {
    const target = join(partial, normalize(path));
    if (!target.startsWith(`${partial}/`)) throw new Error(`a path outside its folder: ${path}`);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, "package.json"), '{"type":"module"}', { flag: "a" });
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
