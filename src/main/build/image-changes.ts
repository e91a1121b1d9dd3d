import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainBuild } from "./options.ts";
import type { Where } from "#main/command-line/options.ts";

/**
 * Gives an image what instructions of a Dockerfile say of it: a build on top, just another config,
 * which prints the id. @throws {Error} for instructions that cannot be.
 */
export async function applyChanges(
  name: string,
  { dataDir, change }: Where & { readonly change: readonly string[] },
): Promise<void> {
  const { build } = await import("./build.ts");
  const directory = await mkdtemp(join(tmpdir(), "gantry-change-"));
  try {
    await writeFile(join(directory, "Dockerfile"), `FROM ${name}\n${change.join("\n")}\n`);
    const code = await build(directory, {
      ...plainBuild,
      dataDir,
      tag: [name],
      network: "none",
      progress: "quiet",
      quiet: true,
    });
    if (code !== 0) throw new Error("--change: the instructions could not be applied");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
