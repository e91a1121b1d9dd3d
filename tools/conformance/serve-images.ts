import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ociArchive } from "#cri/images/oci-archive.ts";
import { loadArchive } from "#images/archive/load.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { imagePrograms, makeImage, recipes, shortName } from "./image-set.ts";
import { requirePrograms } from "./program-files.ts";
import type { Suite } from "./upstream.ts";

/**
 * Puts the suite's images into an installation's image store, from which its nodes pull them.
 * @throws {Error} naming the Debian packages that are missing.
 */
export async function serveImages(suite: Suite, store: ImageStore): Promise<readonly string[]> {
  requirePrograms(imagePrograms);
  const names = await wantedImages(suite);
  const { signal } = new AbortController();
  for (const name of names) {
    await loadArchive(store, ociArchive(await makeImage(name, suite)), signal);
  }
  return names;
}

/** The names, with tags, of those images that the suite asks for and that can be made here. */
async function wantedImages({ programs }: Suite): Promise<readonly string[]> {
  const child = spawn(join(programs, "e2e.test"), ["--list-images"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(child, "close");
  const known = new Set(Object.keys(recipes));
  const wanted = text.split(/\s+/).filter((it) => it.startsWith("registry.k8s.io/"));
  return wanted.filter((it) => known.has(shortName(it)));
}
