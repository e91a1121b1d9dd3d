import type { OwnerReference, Pod, PodTemplateSpec } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";

/** A pod from a template, named after its owner by the server, controlled by `reference`. */
export function podFromTemplate(
  template: PodTemplateSpec,
  owner: KubernetesObject,
  reference: OwnerReference,
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      namespace: namespaceOf(owner),
      generateName: `${nameOf(owner)}-`,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [reference],
    },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  };
}
