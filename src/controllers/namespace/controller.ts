import type { Namespace } from "#api/gen/types.ts";
import type { Resource } from "#api/resource.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import { namespaces, pods } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { isDeleting, namespaceOf } from "#client/object-key.ts";
import type { Informer } from "#client/informer.ts";
import { collectedResources, ownershipInformer } from "#controllers/garbage/ownership-informer.ts";
import { inNamespace } from "#controllers/pods/indexes.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import {
  deletionStage,
  namespaceConditions,
  planNamespace,
  type Emptying,
  type Remaining,
} from "./plan.ts";

/** Objects that are looked at to tell what is left. */
const pageSize = 500;

type Contents = ReadonlyMap<Resource, Informer<KubernetesObject>>;

/** Empties namespaces that are being deleted, tells what holds them, and lets them go. */
export function namespaceController(ports: ControllerPorts): Controller {
  const all = ports.informers.of(namespaces);
  const contents: Contents = new Map(
    collectedResources
      .filter((it) => it.namespaced && it.verbs.includes("deletecollection"))
      .map((it) => [it, ownershipInformer(ports.informers, it)]),
  );
  const isTerminating = (it: KubernetesObject): boolean =>
    all.get(namespaceOf(it))?.metadata?.deletionTimestamp !== undefined;
  return {
    name: "namespace-controller",
    workers: 4,
    watches: [
      watches(all, ownKey),
      ...[...contents.values()].map((informer) =>
        watches(
          informer,
          (it) => (isTerminating(it) ? [namespaceOf(it)] : []),
          // Each object that is gone may be the last.
          ({ current }) => current === undefined,
        ),
      ),
    ],
    async reconcile(key, signal) {
      const namespace = all.get(key);
      if (namespace?.metadata?.deletionTimestamp === undefined) return {};
      const emptying = await empty(ports.client, contents, key, signal);
      const told = await tell(ports, namespace, emptying, signal);
      const step = planNamespace(told, emptying);
      switch (step.kind) {
        case "none":
          return {};
        case "wait":
          return { afterMs: step.afterMs };
        case "finalize":
          await finalize(ports.client, told, step.finalizers, signal);
          return {};
      }
    },
  };
}

/** Asks all that is there to go: first what the caches know, and when they know nothing, all. */
async function empty(
  client: Client,
  contents: Contents,
  namespace: string,
  signal: AbortSignal,
): Promise<Emptying> {
  const known = [...contents]
    .map(([resource, informer]) => ({ resource, objects: inNamespace(informer, namespace) }))
    .filter((it) => it.objects.length > 0);
  const podsLeft = known.filter((it) => it.resource.storageKey === pods.storageKey);
  const stage = deletionStage(podsLeft.length) === "pods" ? podsLeft : known;
  const emptying = await emptyEach(client, stage, namespace, signal);
  if (emptying.remaining.length > 0 || emptying.errors.length > 0) return emptying;
  // The caches may be a little behind: the server has the last word.
  const every = [...contents.keys()].map((resource) => ({ resource, objects: [] }));
  return await emptyEach(client, every, namespace, signal);
}

interface Content {
  readonly resource: ResourceOf<KubernetesObject>;
  /** As far as the cache knows. */
  readonly objects: readonly KubernetesObject[];
}

async function emptyEach(
  client: Client,
  contents: readonly Content[],
  namespace: string,
  signal: AbortSignal,
): Promise<Emptying> {
  const remaining: Remaining[] = [];
  const errors: string[] = [];
  for (const content of contents) {
    const { group, plural } = content.resource;
    const resource = group === "" ? plural : `${plural}.${group}`;
    try {
      const left = await emptyOf(client, content, namespace, signal);
      if (left.count > 0) remaining.push({ resource, ...left });
    } catch (error) {
      // A kind that the server does not serve has no objects.
      if (isStatus(error, "NotFound") || isStatus(error, "MethodNotAllowed")) continue;
      if (!(error instanceof StatusError)) throw error;
      errors.push(`${resource}: ${error.message}`);
    }
  }
  return { remaining, errors };
}

/** Asks all objects of a kind to go and counts those that stay. */
async function emptyOf(
  client: Client,
  { resource, objects }: Content,
  namespace: string,
  signal: AbortSignal,
): Promise<Pick<Remaining, "count" | "finalizers">> {
  if (objects.length > 0 && objects.every(isDeleting)) return countOf(objects, undefined);
  const options = { namespace, limit: pageSize, metadataOnly: true };
  const before = await client.list(resource, options, signal);
  if (before.items.length === 0) return { count: 0, finalizers: {} };
  // In the background: what the objects own in this namespace goes the same way.
  const policy = { propagationPolicy: "Background" };
  await client.deleteCollection(resource, { namespace }, policy, signal);
  const after = await client.list(resource, options, signal);
  return countOf(after.items, after.metadata);
}

function countOf(
  items: readonly KubernetesObject[],
  metadata: { readonly remainingItemCount?: number | undefined } | undefined,
): Pick<Remaining, "count" | "finalizers"> {
  const finalizers: Record<string, number> = {};
  for (const finalizer of items.flatMap((it) => it.metadata?.finalizers ?? [])) {
    finalizers[finalizer] = (finalizers[finalizer] ?? 0) + 1;
  }
  return { count: items.length + (metadata?.remainingItemCount ?? 0), finalizers };
}

async function tell(
  { client, clock }: ControllerPorts,
  namespace: Namespace,
  emptying: Emptying,
  signal: AbortSignal,
): Promise<Namespace> {
  const before = namespace.status?.conditions ?? [];
  const conditions = namespaceConditions(before, emptying, clock.now());
  const status = { ...namespace.status, phase: "Terminating", conditions };
  // A namespace that empties at once needs no explanation.
  const quiet = emptying.remaining.length === 0 && emptying.errors.length === 0;
  if (quiet || sameJson(status, namespace.status)) return namespace;
  return await client.updateStatus(namespaces, { ...namespace, status }, signal);
}

async function finalize(
  client: Client,
  namespace: Namespace,
  finalizers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const finalized = { ...namespace, spec: { ...namespace.spec, finalizers } };
  try {
    await client.update(namespaces, finalized, { subresource: "finalize" }, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}
