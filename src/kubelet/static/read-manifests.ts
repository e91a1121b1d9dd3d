import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "#api/gen/types.ts";
import { describeError } from "#base/log.ts";
import { staticPod } from "./manifest.ts";

/** Manifests of one folder that are read, in the order of their names. */
const manifestsMax = 500;

export interface Manifests {
  readonly pods: readonly Pod[];
  /** `/m/web.yaml: metadata.name: must be given`. */
  readonly problems: readonly string[];
}

/** Reads the pods of a folder. What is hidden, or no pod, is passed over and told. */
export async function readManifests(directory: string, nodeName: string): Promise<Manifests> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((it) => !it.isDirectory() && /^[^.].*\.(?:ya?ml|json)$/.test(it.name))
    .map((it) => it.name)
    .toSorted();
  const pods: Pod[] = [];
  const problems: string[] = [];
  for (const name of names.slice(0, manifestsMax)) {
    const path = join(directory, name);
    try {
      pods.push(staticPod(await readFile(path, "utf8"), { nodeName, path }, digest));
    } catch (error) {
      problems.push(`${path}: ${describeError(error)}`);
    }
  }
  if (names.length > manifestsMax)
    problems.push(`${directory}: more than ${manifestsMax} manifests`);
  return { pods, problems };
}

/** As upstream's uids of static pods: 32 hexadecimal digits. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
