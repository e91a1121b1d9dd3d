import type { Pod, ReplicaSet } from "#api/gen/types.ts";
import { StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import { pods } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { sameJson } from "#controllers/same-json.ts";
import { claimObjects, controllerReference } from "#controllers/ownership/claim.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { controlledBy, inNamespace, orphansIn } from "#controllers/pods/indexes.ts";
import { isActive } from "#controllers/pods/readiness.ts";
import { podFromTemplate } from "#controllers/pods/template.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import type { ReplicaKind } from "./kinds.ts";
import {
  nextAvailableMs,
  planReplicas,
  replicaSetStatus,
  slowStartBatches,
  type ReplicaFailure,
} from "./plan.ts";

/** Keeps as many pods as each ReplicaSet, or ReplicationController, asks for. */
export function replicaController(ports: ControllerPorts, kind: ReplicaKind): Controller {
  const owners = ports.informers.of(kind.resource);
  const podInformer = ports.informers.of(pods);
  const context: Context = {
    kind,
    owners,
    pods: podInformer,
    client: ports.client,
    clock: ports.clock,
    recorder: ports.recorder(kind.controller),
    writes: new OwnWrites(podInformer, ports),
  };
  return {
    name: kind.controller,
    workers: 16,
    watches: [watches(owners, ownKey), watches(podInformer, (pod) => keysOfPod(context, pod))],
    reconcile: (key, signal) => reconcile(context, key, signal),
  };
}

interface Context {
  readonly kind: ReplicaKind;
  readonly owners: Informer<ReplicaSet>;
  readonly pods: Informer<Pod>;
  readonly client: Client;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<Pod>;
}

/** The owner of the pod, or whoever would adopt it. */
function keysOfPod({ kind, owners }: Context, pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    if (controller.kind !== kind.resource.kind) return [];
    return [`${namespaceOf(pod)}/${controller.name}`];
  }
  return inNamespace(owners, namespaceOf(pod))
    .map(kind.view)
    .filter((it) => matchesSelector(it.spec?.selector, pod.metadata?.labels))
    .map(keyOf);
}

async function reconcile(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  await context.writes.settled(key, signal);
  const found = context.owners.get(key);
  // Deleted: the garbage collector removes its pods.
  if (found === undefined) return {};
  const owner = context.kind.view(found);
  const owned = await claimPods(context, key, owner, signal);
  const outcome = isDeleting(owner) ? {} : await scale(context, key, { owner, owned }, signal);
  const { clock } = context;
  const status = replicaSetStatus(owner, owned, outcome.failure, clock.now());
  if (!sameJson(status, found.status)) {
    await context.client.updateStatus(context.kind.resource, { ...found, status }, signal);
  }
  if (outcome.error !== undefined) throw outcome.error;
  return { afterMs: nextAvailableMs(owned, owner.spec?.minReadySeconds ?? 0, clock.now()) };
}

async function claimPods(
  context: Context,
  key: string,
  owner: ReplicaSet,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const mine = controlledBy(context.pods, uidOf(owner));
  const free = orphansIn(context.pods, namespaceOf(owner)).filter(isActive);
  return await claimObjects(
    {
      client: context.client,
      owner,
      ownerResource: context.kind.resource,
      selector: owner.spec?.selector,
      resource: pods,
      objects: [...mine, ...free],
      wrote: (pod) => {
        context.writes.wrote(key, pod);
      },
    },
    signal,
  );
}

interface Replicas {
  readonly owner: ReplicaSet;
  readonly owned: readonly Pod[];
}

interface Outcome {
  readonly failure?: ReplicaFailure;
  readonly error?: Error;
}

async function scale(
  context: Context,
  key: string,
  replicas: Replicas,
  signal: AbortSignal,
): Promise<Outcome> {
  const { owner, owned } = replicas;
  const onNode = podsOnNode(context, owner);
  const plan = planReplicas(owner.spec?.replicas ?? 1, owned, onNode, context.clock.now());
  if (plan.kind === "none") return {};
  try {
    if (plan.kind === "create")
      await createPods(context, key, { owner, count: plan.count }, signal);
    else await deletePods(context, key, { owner, victims: plan.pods }, signal);
    return {};
  } catch (error) {
    if (signal.aborted) throw error;
    // The namespace is going away, and this replica set with it.
    if (isNamespaceTerminating(error)) return {};
    const reason = plan.kind === "create" ? "FailedCreate" : "FailedDelete";
    const cause = error instanceof Error ? error : new Error(String(error));
    return { failure: { reason, message: cause.message }, error: cause };
  }
}

async function createPods(
  context: Context,
  key: string,
  { owner, count }: { readonly owner: ReplicaSet; readonly count: number },
  signal: AbortSignal,
): Promise<void> {
  const reference = controllerReference(context.kind.resource, owner);
  const pod = podFromTemplate(owner.spec?.template ?? {}, owner, reference);
  for (const batch of slowStartBatches(count)) {
    const work = Array.from({ length: batch }, () =>
      createPod(context, key, { owner, pod }, signal),
    );
    const failed = (await Promise.allSettled(work)).find((it) => it.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}

async function createPod(
  context: Context,
  key: string,
  { owner, pod }: { readonly owner: ReplicaSet; readonly pod: Pod },
  signal: AbortSignal,
): Promise<void> {
  try {
    const created = await context.client.create(pods, pod, {}, signal);
    context.writes.wrote(key, created);
    record(context, owner, "SuccessfulCreate", `Created pod: ${nameOf(created)}`);
  } catch (error) {
    if (!(error instanceof StatusError)) context.writes.uncertain(key);
    else if (!isNamespaceTerminating(error)) {
      record(context, owner, "FailedCreate", `Error creating: ${error.message}`);
    }
    throw error;
  }
}

async function deletePods(
  context: Context,
  key: string,
  { owner, victims }: { readonly owner: ReplicaSet; readonly victims: readonly Pod[] },
  signal: AbortSignal,
): Promise<void> {
  const work = victims.map(async (pod) => {
    try {
      if (!(await context.writes.delete(key, pod, {}, signal))) return;
      record(context, owner, "SuccessfulDelete", `Deleted pod: ${nameOf(pod)}`);
    } catch (error) {
      if (error instanceof StatusError) {
        record(context, owner, "FailedDelete", `Error deleting: ${error.message}`);
      }
      throw error;
    }
  });
  const failed = (await Promise.allSettled(work)).find((it) => it.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Active pods by node, of all replica sets that have the same owner as this one. */
function podsOnNode(context: Context, owner: ReplicaSet): ReadonlyMap<string, number> {
  const parent = controllerOf(owner)?.uid;
  const related = parent === undefined ? [owner] : controlledBy(context.owners, parent);
  const counts = new Map<string, number>();
  for (const pod of related.flatMap((it) => controlledBy(context.pods, uidOf(it)))) {
    const node = pod.spec?.nodeName ?? "";
    if (node !== "" && isActive(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

function record(context: Context, owner: ReplicaSet, reason: string, message: string): void {
  const type = reason.startsWith("Failed") ? "Warning" : "Normal";
  context.recorder.record(context.kind.resource, owner, { type, reason, message });
}

function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  return error.details?.causes?.some((it) => it.reason === "NamespaceTerminating") === true;
}
