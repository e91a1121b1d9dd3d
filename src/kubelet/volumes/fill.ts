import { execFile } from "node:child_process";
import { realpath, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Pod } from "#api/gen/types.ts";
import { namesIn } from "./names-in.ts";

const run = promisify(execFile);

/** Names, with commas between, of volumes of the pod that begin with what the image has in their place. */
const fillAnnotation = "gantry.dev/fill-volumes";
/** In a volume that is being filled: one that was cut short is filled again. */
const marker = ".gantry-filling";

/** Volumes of a container that are to have the image's files, and where; those of a part are not. */
export function volumesToFill(
  pod: Pod,
  mounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string | undefined;
  }[],
): readonly { readonly volume: string; readonly path: string }[] {
  const names = (pod.metadata?.annotations?.[fillAnnotation] ?? "").split(",");
  return mounts
    .filter((it) => names.includes(it.name) && (it.subPath ?? "") === "")
    .map((it) => ({ volume: it.name, path: it.mountPath }));
}

/** Whether nothing was put into the volume yet. */
export async function isUnfilled(target: string): Promise<boolean> {
  const names = await namesIn(target);
  return names.length === 0 || names.includes(marker);
}

/**
 * Copies what an image has at a path into an empty volume, with owners, modes and links, and gives the
 * volume the owner and the mode of the directory. Nothing is done where the image has no directory
 * there, or has it behind a link that leads elsewhere.
 * @param root where the image's files are shown.
 */
export async function fillVolume(
  { root, path }: { readonly root: string; readonly path: string },
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const source = join(root, resolve("/", path));
  const found = await realpath(source).catch(() => undefined);
  if (found === undefined || found !== join(await realpath(root), resolve("/", path))) return;
  if (!(await stat(found)).isDirectory()) return;
  for (const name of await namesIn(target)) {
    await rm(join(target, name), { recursive: true, force: true });
  }
  const mark = join(target, marker);
  await writeFile(mark, "");
  await run("cp", ["-a", "--", `${found}/.`, target], { signal });
  await rm(mark);
}
