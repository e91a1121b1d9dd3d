import type { Pod } from "#api/gen/types.ts";
import { claimNameOf } from "#api/volumes/claims.ts";
import type { Informer } from "#client/informer.ts";
import { joinKey, namespaceOf } from "#client/object-key.ts";

/** Pods by the keys of the claims that they use. */
export const claimIndex = "claim";

export function indexPodsByClaim(informer: Informer<Pod>): void {
  informer.addIndex(claimIndex, claimKeysOf);
}

/** Keys of the claims that the pod uses, those for its ephemeral volumes included. */
export function claimKeysOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume);
    return name === undefined ? [] : [joinKey(namespaceOf(pod), name)];
  });
}
