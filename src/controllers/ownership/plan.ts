import type { LabelSelector } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { controllerOf, isDeleting, uidOf } from "#client/object-key.ts";
import { matchesSelector } from "./selection.ts";

export interface Claims<T> {
  /** Controlled by the owner and selected. */
  readonly owned: readonly T[];
  /** Selected, and controlled by nobody. */
  readonly adopt: readonly T[];
  /** Controlled by the owner and no longer selected. */
  readonly release: readonly T[];
}

/**
 * Which of `objects` belong to `owner`, which are to be taken in, which to be let go. An owner that
 * is being deleted claims nothing new and lets nothing go. Upstream: `controller_ref_manager.go`.
 */
export function planClaims<T extends KubernetesObject>(
  owner: KubernetesObject,
  selector: LabelSelector | undefined,
  objects: readonly T[],
): Claims<T> {
  const claims = { owned: [] as T[], adopt: [] as T[], release: [] as T[] };
  for (const object of objects) {
    const controller = controllerOf(object);
    const selected = matchesSelector(selector, object.metadata?.labels);
    if (controller === undefined) {
      if (selected && !isDeleting(owner) && !isDeleting(object)) claims.adopt.push(object);
    } else if (controller.uid === uidOf(owner)) {
      if (selected) claims.owned.push(object);
      else if (!isDeleting(owner) && !isDeleting(object)) claims.release.push(object);
    }
  }
  return claims;
}
