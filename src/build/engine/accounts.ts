import { readFileSync } from "node:fs";
import type { Accounts } from "#oci/user.ts";
import type { LayeredTree } from "#build/tree/layered.ts";

/** The users and groups that an image knows. */
export function accountsOf(tree: LayeredTree | undefined): Accounts {
  return { passwd: readText(tree, "/etc/passwd"), group: readText(tree, "/etc/group") };
}

function readText(tree: LayeredTree | undefined, path: string): string {
  const entry = tree?.find(path, true);
  return entry?.stats.isFile() === true ? readFileSync(entry.hostPath, "utf8") : "";
}
