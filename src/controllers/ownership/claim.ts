import type { LabelSelector, OwnerReference } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import { isStatus } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import { isDeleting, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { planClaims } from "./plan.ts";

/** The reference that makes `owner` the controller of an object. */
export function controllerReference(resource: Resource, owner: KubernetesObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: nameOf(owner),
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claim<O, T> {
  readonly client: Client;
  readonly ownerResource: ResourceOf<O>;
  readonly owner: O;
  readonly selector: LabelSelector | undefined;
  readonly resource: ResourceOf<T>;
  /** Candidates: all that the owner controls, and those that nobody controls. */
  readonly objects: readonly T[];
  /** A finalizer that comes with being controlled, and goes with it. */
  readonly finalizer?: string;
  /** Told of each object that was changed. */
  readonly wrote: (object: T) => void;
}

/**
 * Adopts and releases, and resolves with the objects that the owner controls now. Before the first
 * adoption the owner is read from the server: one that was deleted or replaced adopts nothing.
 */
export async function claimObjects<O extends KubernetesObject, T extends KubernetesObject>(
  claim: Claim<O, T>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const { owner, ownerResource, client } = claim;
  const plan = planClaims(owner, claim.selector, claim.objects);
  const adopted: T[] = [];
  if (plan.adopt.length > 0) {
    const at = { namespace: namespaceOf(owner), name: nameOf(owner) };
    const live = await client.get(ownerResource, at, signal);
    if (uidOf(live) !== uidOf(owner) || isDeleting(live)) return plan.owned;
    const reference = controllerReference(ownerResource, owner);
    for (const object of plan.adopt) {
      const result = await patchOwners(claim, object, reference, signal);
      if (result !== undefined) adopted.push(result);
    }
  }
  for (const object of plan.release) {
    const reference = { $patch: "delete", uid: uidOf(owner) } as const;
    await patchOwners(claim, object, reference, signal);
  }
  return [...plan.owned, ...adopted];
}

async function patchOwners<O, T extends KubernetesObject>(
  claim: Claim<O, T>,
  object: T,
  reference: OwnerReference | { readonly $patch: "delete"; readonly uid: string },
  signal: AbortSignal,
): Promise<T | undefined> {
  // The uid makes the patch fail for an object that has taken the name since.
  const finalizers = claim.finalizer === undefined ? [] : [claim.finalizer];
  const key = "$patch" in reference ? "$deleteFromPrimitiveList/finalizers" : "finalizers";
  const body = {
    metadata: {
      ownerReferences: [reference],
      uid: uidOf(object),
      ...(finalizers.length === 0 ? {} : { [key]: finalizers }),
    },
  };
  const at = { namespace: namespaceOf(object), name: nameOf(object) };
  try {
    const result = await claim.client.patch(
      claim.resource,
      at,
      { type: "strategic", body },
      signal,
    );
    claim.wrote(result);
    return result;
  } catch (error) {
    if (isStatus(error, "NotFound") || isStatus(error, "Invalid") || isStatus(error, "Conflict")) {
      return undefined; // Gone, or another object by now.
    }
    throw error;
  }
}
