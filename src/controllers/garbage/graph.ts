import type { OwnerReference } from "#api/gen/types.ts";
import type { Resource } from "#api/resource.ts";

/** What garbage collection knows of an object. */
export interface GraphNode {
  readonly uid: string;
  readonly resource: Resource;
  /** "" for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

const none: ReadonlySet<string> = new Set();

/** Which object owns which, by uid. An owner need not be there for its dependents to be known. */
export class OwnershipGraph {
  readonly #nodes = new Map<string, GraphNode>();
  /** Uids of dependents, by the uid of the owner; owners without dependents take no space. */
  readonly #dependents = new Map<string, Set<string>>();

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? none)]
      .map((it) => this.#nodes.get(it))
      .filter((it) => it !== undefined);
  }

  put(node: GraphNode): void {
    this.remove(node.uid);
    this.#nodes.set(node.uid, node);
    for (const { uid } of node.owners) {
      const dependents = this.#dependents.get(uid);
      if (dependents === undefined) this.#dependents.set(uid, new Set([node.uid]));
      else dependents.add(node.uid);
    }
  }

  remove(uid: string): void {
    for (const owner of this.#nodes.get(uid)?.owners ?? []) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
    this.#nodes.delete(uid);
  }
}
