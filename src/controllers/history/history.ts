import type { ControllerRevision, LabelSelector, PodTemplateSpec } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Informer } from "#client/informer.ts";
import { controllerRevisions } from "#client/kinds.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { claimObjects, controllerReference } from "#controllers/ownership/claim.ts";
import { controlledBy, orphansIn } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import { obsolete, planHistory, revisionData } from "./plan.ts";

export const revisionLabel = "controller-revision-hash";

/** An object with a history of its template. */
export interface Versioned extends KubernetesObject {
  readonly spec?:
    { readonly selector: LabelSelector; readonly template: PodTemplateSpec } | undefined;
}

/** The revisions of the objects of a kind. */
export class History<O extends Versioned> {
  readonly informer: Informer<ControllerRevision>;
  readonly #ports: ControllerPorts;
  readonly #resource: ResourceOf<O>;
  readonly #writes: OwnWrites<ControllerRevision>;

  constructor(ports: ControllerPorts, resource: ResourceOf<O>) {
    this.#ports = ports;
    this.#resource = resource;
    this.informer = ports.informers.of(controllerRevisions);
    this.#writes = new OwnWrites(this.informer, ports);
  }

  /** The owner's revisions, those of nobody that match its selector adopted. */
  async list(key: string, owner: O, signal: AbortSignal): Promise<readonly ControllerRevision[]> {
    await this.#writes.settled(key, signal);
    return await claimObjects(
      {
        client: this.#ports.client,
        owner,
        ownerResource: this.#resource,
        selector: owner.spec?.selector,
        resource: controllerRevisions,
        objects: [
          ...controlledBy(this.informer, uidOf(owner)),
          ...orphansIn(this.informer, namespaceOf(owner)),
        ],
        wrote: (it) => {
          this.#writes.wrote(key, it);
        },
      },
      signal,
    );
  }

  /** The revision of the owner's present template, made or raised to be the latest if need be. */
  async latest(
    key: string,
    owner: O,
    revisions: readonly ControllerRevision[],
    signal: AbortSignal,
  ): Promise<ControllerRevision> {
    const template = owner.spec?.template ?? {};
    const name = (hash: string): string => `${nameOf(owner)}-${hash}`;
    const plan = planHistory(template, revisions, name);
    const { client } = this.#ports;
    if (plan.kind === "present") return plan.revision;
    if (plan.kind === "raise") {
      const at = { namespace: namespaceOf(owner), name: nameOf(plan.revision) };
      const patch = { type: "merge", body: { revision: plan.number } } as const;
      const raised = await client.patch(controllerRevisions, at, patch, signal);
      this.#writes.wrote(key, raised);
      return raised;
    }
    const labels = { ...template.metadata?.labels, [revisionLabel]: plan.hash };
    const metadata = {
      namespace: namespaceOf(owner),
      name: name(plan.hash),
      labels,
      ownerReferences: [controllerReference(this.#resource, owner)],
    };
    const data = revisionData(template);
    const made = { metadata, data, revision: plan.number };
    const created = await client.create(controllerRevisions, made, {}, signal);
    this.#writes.wrote(key, created);
    return created;
  }

  /** Forgets the oldest beyond `limit`. @param inUse names of revisions that some pod has. */
  async truncate(
    key: string,
    revisions: readonly ControllerRevision[],
    inUse: ReadonlySet<string>,
    { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<void> {
    for (const revision of obsolete(revisions, inUse, limit)) {
      await this.#writes.delete(key, revision, {}, signal);
    }
  }
}
