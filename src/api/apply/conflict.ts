import { StatusError } from "#api/status.ts";
import type { ManagedEntry } from "./managed-fields.ts";

/** A field that an apply would change and another manager owns. */
export interface FieldConflict {
  readonly owner: ManagedEntry;
  readonly path: string;
}

/** 409 with a cause per field, in upstream's words: kubectl shows them and explains the way out. */
export function applyConflict(conflicts: readonly FieldConflict[]): StatusError {
  const causes = conflicts.map((it) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${ownerText(it.owner)}`,
    field: it.path,
  }));
  return new StatusError(409, "Conflict", messageOf(conflicts), { details: { causes } });
}

function messageOf(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${first.path}`;
  }
  const lines: string[] = [];
  let previous: ManagedEntry | undefined;
  for (const { owner, path } of conflicts) {
    if (owner !== previous) lines.push(`conflicts with ${ownerText(owner)}:`);
    lines.push(`- ${path}`);
    previous = owner;
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

/** `"kubectl" using apps/v1`; an applier has no version. */
function ownerText({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  const name = JSON.stringify(manager);
  const through = subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`;
  return `${name}${through}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}
