import { childList, childObject, ensureObject, type JsonObject } from "#api/object.ts";
import { formatTime, parseTime } from "#api/time.ts";
import type { DeleteOptions } from "#apiserver/registry/delete-options.ts";

/** What a DELETE does to an object. */
export type DeletionPlan =
  /** Its end is under way and this request changes nothing. */
  | { readonly kind: "pending" }
  /** Marked and kept, for finalizers or whoever ends it gracefully. */
  | { readonly kind: "mark"; readonly object: JsonObject }
  /** Gone now; `object` is what the client gets to see. */
  | { readonly kind: "remove"; readonly object: JsonObject };

export interface DeletionInput {
  /** Owned by the caller; the plan changes it. */
  readonly object: JsonObject;
  readonly options: DeleteOptions;
  /** How long this object may take; 0: it ends at once. Undefined for kinds that always do. */
  readonly gracePeriodSeconds: number | undefined;
  readonly isNamespace: boolean;
  /** Dependents are orphaned unless the request says otherwise. */
  readonly orphansByDefault: boolean;
  readonly nowMs: number;
}

const orphan = "orphan";
const foreground = "foregroundDeletion";

/**
 * Decides on a deletion. Upstream: `rest.BeforeDelete` and `deletionFinalizersForGarbageCollection`
 * and, for namespaces, `pkg/registry/core/namespace/storage`.
 */
export function planDeletion(input: DeletionInput): DeletionPlan {
  const { object } = input;
  const metadata = ensureObject(object, "metadata");
  const grace = planGrace(input, metadata);
  if (grace.kind === "pending") return grace;
  const finalizers = finalizersAfter(input, metadata);
  if (finalizers.length === 0) Reflect.deleteProperty(metadata, "finalizers");
  else metadata["finalizers"] = finalizers;
  const waits = finalizers.length > 0 || (input.isNamespace && hasNamespaceFinalizers(object));
  if (grace.kind === "graceful") {
    mark(metadata, grace.atMs, grace.seconds);
    return { kind: waits || grace.seconds > 0 ? "mark" : "remove", object };
  }
  if (!waits) return { kind: "remove", object };
  mark(metadata, Math.min(timeOf(metadata) ?? input.nowMs, input.nowMs), 0);
  if (input.isNamespace) ensureObject(object, "status")["phase"] = "Terminating";
  return { kind: "mark", object };
}

type Grace =
  | { readonly kind: "none" }
  | { readonly kind: "pending" }
  | { readonly kind: "graceful"; readonly seconds: number; readonly atMs: number };

function planGrace(input: DeletionInput, metadata: JsonObject): Grace {
  const { options, nowMs, gracePeriodSeconds: seconds } = input;
  const begun = timeOf(metadata);
  const period = metadata["deletionGracePeriodSeconds"];
  if (begun !== undefined && seconds !== undefined) {
    if (typeof period !== "number" || period === 0) return { kind: "none" };
    const asked = options.gracePeriodSeconds;
    // A grace period can only be shortened.
    if (asked === undefined || asked >= period) return { kind: "pending" };
    const atMs = begun - period * 1_000 + asked * 1_000;
    if (atMs >= nowMs) return { kind: "graceful", seconds: asked, atMs };
    return { kind: "graceful", seconds: asked === 0 ? 0 : 1, atMs: nowMs };
  }
  if (seconds === undefined || seconds === 0) return { kind: "none" };
  return { kind: "graceful", seconds, atMs: nowMs + seconds * 1_000 };
}

function finalizersAfter(input: DeletionInput, metadata: JsonObject): string[] {
  const before = childList(metadata, "finalizers").filter((it) => typeof it === "string");
  const kept = before.filter((it) => it !== orphan && it !== foreground);
  const { propagation } = input.options;
  if (propagation === "Orphan") return [...kept, orphan];
  if (propagation === "Foreground") return [...kept, foreground];
  if (propagation === "Background") return kept;
  // Without a policy, finalizers that are there already decide, then the kind's default.
  if (before.includes(orphan)) return [...kept, orphan];
  if (before.includes(foreground)) return [...kept, foreground];
  return input.orphansByDefault ? [...kept, orphan] : kept;
}

function mark(metadata: JsonObject, atMs: number, seconds: number): void {
  const generation = metadata["generation"];
  const isFirst = metadata["deletionTimestamp"] === undefined;
  if (isFirst && typeof generation === "number" && generation > 0) {
    metadata["generation"] = generation + 1;
  }
  metadata["deletionTimestamp"] = formatTime(atMs);
  metadata["deletionGracePeriodSeconds"] = seconds;
}

function timeOf(metadata: JsonObject): number | undefined {
  const time = metadata["deletionTimestamp"];
  return typeof time === "string" ? parseTime(time) : undefined;
}

function hasNamespaceFinalizers(object: JsonObject): boolean {
  return childList(childObject(object, "spec"), "finalizers").length > 0;
}
