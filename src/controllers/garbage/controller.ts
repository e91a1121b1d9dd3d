import type { OwnerReference } from "#api/gen/types.ts";
import { builtinResources } from "#api/kinds/list.ts";
import type { KubernetesObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import { isStatus } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import type { Change } from "#client/cache.ts";
import { isDeleting, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import type { Controller, ControllerWatch } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnershipGraph, type GraphNode } from "./graph.ts";
import { collectedResources, onlyOwnership, ownershipInformer } from "./ownership-informer.ts";
import {
  foregroundFinalizer,
  orphanFinalizer,
  planGarbage,
  type GarbageStep,
  type OwnerState,
} from "./plan.ts";

/**
 * Deletes what has lost its owners, and lets owners go that wait for their dependents. It looks at
 * the metadata of all kinds and keeps of each object only what {@link GraphNode} has.
 */
export function garbageCollector(ports: ControllerPorts): Controller {
  const collector = new Collector(ports);
  return {
    name: "garbage-collector-controller",
    workers: 10,
    watches: collectedResources.map((it) => collector.watch(it)),
    async reconcile(uid, signal) {
      await collector.collect(uid, signal);
      return {};
    },
  };
}

class Collector {
  readonly #client: Client;
  readonly #ports: ControllerPorts;
  readonly #recorder: EventRecorder;
  readonly #graph = new OwnershipGraph();
  #add: (uid: string) => void = () => undefined;

  constructor(ports: ControllerPorts) {
    this.#ports = ports;
    this.#client = ports.client;
    this.#recorder = ports.recorder("garbage-collector-controller");
  }

  watch(resource: Resource): ControllerWatch {
    const informer = ownershipInformer(this.#ports.informers, resource);
    return {
      synced: (signal) => informer.synced(signal),
      subscribe: (add) => {
        this.#add = add;
        return informer.subscribe((change) => {
          this.#note(resource, change);
        });
      },
    };
  }

  #note(resource: Resource, { previous, current }: Change<KubernetesObject>): void {
    if (previous !== undefined) this.#noteBefore(previous, current);
    if (current === undefined) return;
    const node = nodeOf(resource, current);
    this.#graph.put(node);
    if (node.owners.some((it) => this.#isDoubtful(node, it))) this.#add(node.uid);
    if (!node.deleting) return;
    if (node.finalizers.length > 0) this.#add(node.uid);
    if (isWaiting(node)) this.#addDependents(node.uid);
  }

  #noteBefore(previous: KubernetesObject, current: KubernetesObject | undefined): void {
    const uid = uidOf(previous);
    if (current === undefined || uidOf(current) !== uid) {
      this.#graph.remove(uid);
      this.#addDependents(uid);
    }
    // Owners that wait in the foreground may have one dependent, or one block, less.
    for (const owner of previous.metadata?.ownerReferences ?? []) {
      if (isWaiting(this.#graph.get(owner.uid))) this.#add(owner.uid);
    }
  }

  #addDependents(uid: string): void {
    for (const dependent of this.#graph.dependentsOf(uid)) this.#add(dependent.uid);
  }

  async collect(uid: string, signal: AbortSignal): Promise<void> {
    const known = this.#graph.get(uid);
    if (known === undefined) return;
    // The server is asked: to delete on old knowledge is the one mistake not to make.
    const live = await this.#live(known, signal);
    if (live === undefined) return;
    const owners = await Promise.all(
      live.owners.map(async (it) => ({ uid: it.uid, state: await this.#state(live, it, signal) })),
    );
    const dependents = this.#graph.dependentsOf(uid);
    const steps = planGarbage({
      deleting: live.deleting,
      finalizers: live.finalizers,
      owners,
      hasDependents: dependents.length > 0,
      blockingDependents: dependents.filter((it) => blocks(it, uid)).length,
      dependentWaits: dependents.some(isWaiting),
    });
    for (const step of steps) await this.#execute(live, step, signal);
  }

  async #execute(node: GraphNode, step: GarbageStep, signal: AbortSignal): Promise<void> {
    switch (step.kind) {
      case "orphan-dependents":
        for (const dependent of this.#graph.dependentsOf(node.uid)) {
          await this.#changeOwners(
            dependent,
            (it) => (it.uid === node.uid ? undefined : it),
            signal,
          );
        }
        return;
      case "remove-finalizer":
        await this.#removeFinalizer(node, step.finalizer, signal);
        return;
      case "visit-dependents":
        for (const dependent of this.#graph.dependentsOf(node.uid)) {
          if (!isWaiting(dependent)) this.#add(dependent.uid);
        }
        return;
      case "drop-owners":
        await this.#changeOwners(
          node,
          (it) => (step.uids.includes(it.uid) ? undefined : it),
          signal,
        );
        return;
      case "unblock-owners":
        await this.#changeOwners(node, (it) => ({ ...it, blockOwnerDeletion: false }), signal);
        return;
      case "delete": {
        const options = { propagationPolicy: step.policy, preconditions: { uid: node.uid } };
        await unlessGone(this.#client.delete(node.resource, placeOf(node), options, signal));
        return;
      }
    }
  }

  /** The object as the server has it; undefined when it is gone, or another took its name. */
  async #live(node: GraphNode, signal: AbortSignal): Promise<GraphNode | undefined> {
    const found = await this.#read(node, signal);
    if (found === undefined || uidOf(found) !== node.uid) return undefined;
    return nodeOf(node.resource, onlyOwnership(found));
  }

  async #read(
    at: Pick<GraphNode, "resource" | "namespace" | "name">,
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined> {
    return await unlessGone(this.#client.getMetadata(at.resource, placeOf(at), signal));
  }

  /** The owner is not known, or on its way out: the object is worth a look. */
  #isDoubtful(node: GraphNode, reference: OwnerReference): boolean {
    const owner = this.#graph.get(reference.uid);
    return owner === undefined || !isReachable(node, owner) || isWaiting(owner);
  }

  async #state(
    node: GraphNode,
    reference: OwnerReference,
    signal: AbortSignal,
  ): Promise<OwnerState> {
    const owner = this.#graph.get(reference.uid);
    if (owner !== undefined && isReachable(node, owner)) {
      return isWaiting(owner) ? "waiting" : "solid";
    }
    if (owner !== undefined) this.#tellUnreachable(node, reference);
    const resource = resourceOf(reference);
    // A kind that is not known, or a namespaced owner of a cluster-scoped object: nobody can say
    // that it is gone, so the object stays.
    if (resource === undefined || (resource.namespaced && node.namespace === "")) return "solid";
    const namespace = resource.namespaced ? node.namespace : "";
    const found = await this.#read({ resource, namespace, name: reference.name }, signal);
    if (found === undefined || uidOf(found) !== reference.uid) return "dangling";
    const waits =
      isDeleting(found) && found.metadata?.finalizers?.includes(foregroundFinalizer) === true;
    return waits ? "waiting" : "solid";
  }

  #tellUnreachable(node: GraphNode, { apiVersion, kind, name, uid }: OwnerReference): void {
    const reference = `[${apiVersion}/${kind}, namespace: ${node.namespace}, name: ${name}, uid: ${uid}]`;
    const { namespace } = node;
    this.#recorder.record(
      node.resource,
      { metadata: { namespace, name: node.name, uid: node.uid } },
      {
        type: "Warning",
        reason: "OwnerRefInvalidNamespace",
        message: `ownerRef ${reference} does not exist in namespace "${namespace}"`,
      },
    );
  }

  /** Rewrites the object's owner references; undefined drops one. */
  async #changeOwners(
    node: GraphNode,
    change: (reference: OwnerReference) => OwnerReference | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const found = await this.#read(node, signal);
    if (found === undefined || uidOf(found) !== node.uid) return;
    const { ownerReferences = [], resourceVersion } = found.metadata ?? {};
    const next = ownerReferences.map(change).filter((it) => it !== undefined);
    const metadata = { ownerReferences: next, resourceVersion };
    const patch = { type: "merge", body: { metadata } } as const;
    await unlessGone(this.#client.patch(node.resource, placeOf(node), patch, signal));
  }

  async #removeFinalizer(node: GraphNode, finalizer: string, signal: AbortSignal): Promise<void> {
    const found = await this.#read(node, signal);
    if (found === undefined || uidOf(found) !== node.uid) return;
    const { finalizers = [], resourceVersion } = found.metadata ?? {};
    if (!finalizers.includes(finalizer)) return;
    const metadata = { finalizers: finalizers.filter((it) => it !== finalizer), resourceVersion };
    const patch = { type: "merge", body: { metadata } } as const;
    await unlessGone(this.#client.patch(node.resource, placeOf(node), patch, signal));
  }
}

function isWaiting(node: GraphNode | undefined): boolean {
  return node?.deleting === true && node.finalizers.includes(foregroundFinalizer);
}

function blocks(dependent: GraphNode, uid: string): boolean {
  return dependent.owners.some((it) => it.uid === uid && it.blockOwnerDeletion === true);
}

/** An owner counts in its own namespace, or everywhere when it is cluster-scoped. */
function isReachable(node: GraphNode, owner: GraphNode): boolean {
  return owner.namespace === "" || owner.namespace === node.namespace;
}

function placeOf(node: Pick<GraphNode, "namespace" | "name">): {
  readonly namespace: string | undefined;
  readonly name: string;
} {
  return { namespace: node.namespace === "" ? undefined : node.namespace, name: node.name };
}

function nodeOf(resource: Resource, object: KubernetesObject): GraphNode {
  const { ownerReferences = [], finalizers = [] } = object.metadata ?? {};
  return {
    uid: uidOf(object),
    resource,
    namespace: namespaceOf(object),
    name: nameOf(object),
    owners: ownerReferences,
    deleting: isDeleting(object),
    finalizers: finalizers.filter((it) => it === foregroundFinalizer || it === orphanFinalizer),
  };
}

const byKind = new Map(builtinResources.map((it) => [`${apiVersionOf(it)}/${it.kind}`, it]));

function resourceOf(reference: OwnerReference): Resource | undefined {
  return byKind.get(`${reference.apiVersion}/${reference.kind}`);
}

/** Undefined when the object is not there any more. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
