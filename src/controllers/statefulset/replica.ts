import type {
  OwnerReference,
  PersistentVolumeClaim,
  Pod,
  PodTemplateSpec,
  StatefulSet,
} from "#api/gen/types.ts";
import { statefulSets } from "#client/kinds.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";
import { controllerReference } from "#controllers/ownership/claim.ts";
import { revisionLabel } from "#controllers/history/history.ts";
import { podFromTemplate } from "#controllers/pods/template.ts";
import type { NewReplica } from "./plan.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";

/** A replica's pod, with its name, its host name and its claims. Upstream: `newVersionedStatefulSetPod`. */
export function replicaPod(
  set: StatefulSet,
  template: PodTemplateSpec,
  { ordinal, revision }: NewReplica,
): Pod {
  const name = `${nameOf(set)}-${ordinal}`;
  const pod = podFromTemplate(template, set, controllerReference(statefulSets, set));
  const metadata = { ...pod.metadata, generateName: undefined };
  const labels = {
    ...metadata.labels,
    [podNameLabel]: name,
    [podIndexLabel]: String(ordinal),
    [revisionLabel]: revision,
  };
  const { spec } = pod;
  if (spec === undefined) return { metadata: { ...metadata, name, labels } };
  const claims = set.spec?.volumeClaimTemplates ?? [];
  const claimed = new Set(claims.map(nameOf));
  const volumes = [
    ...claims.map((it) => ({
      name: nameOf(it),
      persistentVolumeClaim: { claimName: claimName(set, it, ordinal) },
    })),
    ...(spec.volumes ?? []).filter((it) => !claimed.has(it.name)),
  ];
  const subdomain = set.spec?.serviceName ?? "";
  return {
    metadata: { ...metadata, name, labels },
    spec: {
      ...spec,
      hostname: name,
      ...(subdomain === "" ? {} : { subdomain }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

/** The claims of a replica, named after it: whoever comes by its name gets its data. */
export function replicaClaims(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  const goesWithSet = set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Delete";
  const owner: OwnerReference[] = goesWithSet ? [controllerReference(statefulSets, set)] : [];
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    metadata: {
      ...template.metadata,
      namespace: namespaceOf(set),
      name: claimName(set, template, ordinal),
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
      ...(owner.length === 0 ? {} : { ownerReferences: owner }),
    },
  }));
}

export function claimName(
  set: StatefulSet,
  template: PersistentVolumeClaim,
  ordinal: number,
): string {
  return `${nameOf(template)}-${nameOf(set)}-${ordinal}`;
}
