import type { PersistentVolumeClaim, Pod } from "#api/gen/types.ts";
import { claimNameOf, isOwnedByPod, notOwnedMessage } from "#api/volumes/claims.ts";

export type EphemeralAction =
  | { readonly kind: "create"; readonly claim: PersistentVolumeClaim }
  /** Something else has the name. */
  | { readonly kind: "conflict"; readonly message: string };

/**
 * The claims that the pod's ephemeral volumes still need.
 * Upstream: `pkg/controller/volume/ephemeral/controller.go`.
 */
export function planEphemeralVolumes(
  pod: Pod,
  claimOf: (name: string) => PersistentVolumeClaim | undefined,
): readonly EphemeralAction[] {
  const { metadata = {}, spec, status } = pod;
  const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
  if (metadata.deletionTimestamp !== undefined || isOver) return [];
  return (spec?.volumes ?? []).flatMap((volume): EphemeralAction[] => {
    const template = volume.ephemeral?.volumeClaimTemplate;
    const name = claimNameOf(pod, volume);
    if (template === undefined || name === undefined) return [];
    const present = claimOf(name);
    if (present === undefined) {
      const { labels, annotations } = template.metadata ?? {};
      const owner = {
        apiVersion: "v1",
        kind: "Pod",
        name: metadata.name ?? "",
        uid: metadata.uid ?? "",
        controller: true,
        blockOwnerDeletion: true,
      };
      const own = { namespace: metadata.namespace, name, labels, annotations };
      const claim = { metadata: { ...own, ownerReferences: [owner] }, spec: template.spec };
      return [{ kind: "create", claim }];
    }
    if (isOwnedByPod(present, pod)) return [];
    return [{ kind: "conflict", message: notOwnedMessage(present, pod) }];
  });
}
