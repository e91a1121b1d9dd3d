/** Finalizers by which a deletion waits for the garbage collector. */
export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/**
 * An owner, as an object that names it finds it: there (`solid`), gone (`dangling`), or on its way
 * out and waiting for its dependents (`waiting`).
 */
export type OwnerState = "solid" | "dangling" | "waiting";

export interface GarbageView {
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly owners: readonly { readonly uid: string; readonly state: OwnerState }[];
  readonly hasDependents: boolean;
  /** Dependents whose reference has `blockOwnerDeletion`. */
  readonly blockingDependents: number;
  /** A dependent waits for its own dependents: the object may be part of a circle. */
  readonly dependentWaits: boolean;
}

export type GarbageStep =
  /** Take the owner's reference out of all dependents. */
  | { readonly kind: "orphan-dependents" }
  | { readonly kind: "remove-finalizer"; readonly finalizer: string }
  /** Look at each dependent: it may have to go. */
  | { readonly kind: "visit-dependents" }
  /** Take the references to these owners out of the object. */
  | { readonly kind: "drop-owners"; readonly uids: readonly string[] }
  /** Clear `blockOwnerDeletion` in the object's references, so that a circle can end. */
  | { readonly kind: "unblock-owners" }
  | { readonly kind: "delete"; readonly policy: "Background" | "Foreground" | "Orphan" };

/** What is to be done about one object. Upstream: `garbagecollector.go`, `attemptToDeleteItem`. */
export function planGarbage(view: GarbageView): GarbageStep[] {
  if (view.deleting) return planDeleting(view);
  const { owners } = view;
  const inState = (state: OwnerState): string[] =>
    owners.filter((it) => it.state === state).map((it) => it.uid);
  if (owners.length === 0) return [];
  const [dangling, waiting] = [inState("dangling"), inState("waiting")];
  if (dangling.length + waiting.length === 0) return [];
  if (dangling.length + waiting.length < owners.length) {
    return [{ kind: "drop-owners", uids: [...dangling, ...waiting] }];
  }
  if (waiting.length > 0 && view.hasDependents) {
    const deletion = { kind: "delete", policy: "Foreground" } as const;
    return view.dependentWaits ? [{ kind: "unblock-owners" }, deletion] : [deletion];
  }
  return [{ kind: "delete", policy: policyOf(view.finalizers) }];
}

function planDeleting(view: GarbageView): GarbageStep[] {
  if (view.finalizers.includes(orphanFinalizer)) {
    return [
      { kind: "orphan-dependents" },
      { kind: "remove-finalizer", finalizer: orphanFinalizer },
    ];
  }
  if (!view.finalizers.includes(foregroundFinalizer)) return [];
  if (view.blockingDependents > 0) return [{ kind: "visit-dependents" }];
  return [{ kind: "remove-finalizer", finalizer: foregroundFinalizer }];
}

/** An object that asks for a way of deletion by a finalizer gets it. */
function policyOf(finalizers: readonly string[]): "Background" | "Foreground" | "Orphan" {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
}
