import type { FileHandle } from "node:fs/promises";
import { openRoot } from "#cri/rooted-path.ts";
import type { Runtime } from "#cri/runtime.ts";

/** The root directory of a running container, as its first process has it; undefined: it has ended. */
export async function openContainerRoot(
  runtime: Pick<Runtime, "containerStatus">,
  id: string,
  signal: AbortSignal,
): Promise<FileHandle | undefined> {
  const pid = (await runtime.containerStatus(id, signal))?.pid;
  if (pid === undefined) return undefined;
  const root = await openRoot(`/proc/${pid}/root`);
  // The number may be another process's by now.
  if ((await runtime.containerStatus(id, signal))?.pid === pid) return root;
  await root.close();
  return undefined;
}
