import type { Namespace } from "#api/gen/types.ts";
import { builtinResources } from "#api/kinds/list.ts";
import type { Resource } from "#api/resource.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import { namespaces, pods } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";
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

/** Kinds to empty a namespace of, each kept once whatever its versions. */
const contents: readonly Resource[] = [
  ...new Map(
    builtinResources
      .filter((it) => it.namespaced)
      .filter((it) => it.verbs.includes("deletecollection") && it.verbs.includes("list"))
      .map((it) => [it.storageKey, it]),
  ).values(),
];

/** Objects that are looked at to tell what is left. */
const pageSize = 500;

/** Empties namespaces that are being deleted, tells what holds them, and lets them go. */
export function namespaceController(ports: ControllerPorts): Controller {
  const all = ports.informers.of(namespaces);
  const podInformer = ports.informers.of(pods);
  return {
    name: "namespace-controller",
    workers: 4,
    watches: [
      watches(all, ownKey),
      // Pods go first and slowly: each one that is gone may be the last.
      watches(
        podInformer,
        (pod) => [namespaceOf(pod)],
        ({ current }) => current === undefined,
      ),
    ],
    async reconcile(key, signal) {
      const namespace = all.get(key);
      if (namespace?.metadata?.deletionTimestamp === undefined) return {};
      const emptying = await empty(ports.client, nameOf(namespace), signal);
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

async function empty(client: Client, namespace: string, signal: AbortSignal): Promise<Emptying> {
  const podsLeft = await emptyOf(client, pods, namespace, signal);
  const remaining = [podsLeft.left];
  const errors = [...podsLeft.errors];
  if (deletionStage(podsLeft.left.count) === "others" && errors.length === 0) {
    for (const resource of contents) {
      if (resource.storageKey === pods.storageKey) continue;
      const result = await emptyOf(client, resource, namespace, signal);
      remaining.push(result.left);
      errors.push(...result.errors);
    }
  }
  return { remaining: remaining.filter((it) => it.count > 0), errors };
}

/** Asks all objects of a kind to go and counts those that stay. */
async function emptyOf(
  client: Client,
  resource: ResourceOf<KubernetesObject>,
  namespace: string,
  signal: AbortSignal,
): Promise<{ readonly left: Remaining; readonly errors: readonly string[] }> {
  const name = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
  const none = { resource: name, count: 0, finalizers: {} };
  const options = { namespace, limit: pageSize, metadataOnly: true };
  try {
    const before = await client.list(resource, options, signal);
    if (before.items.length === 0) return { left: none, errors: [] };
    // In the background: what the objects own in this namespace goes the same way.
    const policy = { propagationPolicy: "Background" };
    await client.deleteCollection(resource, { namespace }, policy, signal);
    const after = await client.list(resource, options, signal);
    return { left: { ...none, ...countOf(after.items, after.metadata) }, errors: [] };
  } catch (error) {
    // A kind that the server does not serve has no objects.
    if (isStatus(error, "NotFound") || isStatus(error, "MethodNotAllowed")) {
      return { left: none, errors: [] };
    }
    if (!(error instanceof StatusError)) throw error;
    return { left: none, errors: [`${name}: ${error.message}`] };
  }
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
