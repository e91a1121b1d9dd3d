import type { ReplicaSet } from "#api/gen/types.ts";
import { replicaSets, replicationControllers } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";

/** A kind that keeps a number of equal pods, seen as a ReplicaSet. */
export interface ReplicaKind {
  readonly resource: ResourceOf<ReplicaSet>;
  /** Name of the controller, in events and logs. */
  readonly controller: string;
  /** The object with its selector in a ReplicaSet's form. */
  readonly view: (object: ReplicaSet) => ReplicaSet;
}

export const replicaSetKind: ReplicaKind = {
  resource: replicaSets,
  controller: "replicaset-controller",
  view: (object) => object,
};

/** The fields are those of a ReplicaSet, but for the selector, which is a map of labels. */
export const replicationControllerKind: ReplicaKind = {
  resource: replicationControllers as ResourceOf<ReplicaSet>,
  controller: "replication-controller",
  view(object) {
    if (object.spec === undefined) return object;
    const matchLabels = object.spec.selector as Readonly<Record<string, string>> | undefined;
    if (matchLabels === undefined) return object;
    return { ...object, spec: { ...object.spec, selector: { matchLabels } } };
  },
};
