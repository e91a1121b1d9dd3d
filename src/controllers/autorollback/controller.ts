import type { Deployment, Pod, ReplicaSet } from "#api/gen/types.ts";
import type { Client } from "#client/client.ts";
import type { Change } from "#client/cache.ts";
import type { Informer } from "#client/informer.ts";
import { deployments, pods, replicaSets } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { revisionOf, sortReplicaSets } from "#controllers/deployment/replica-set-view.ts";
import { controlledBy } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { healthyAnnotation, planAutoRollback, templateOf, wantedAnnotation } from "./plan.ts";

/**
 * Takes Deployments that ask for it back to their last healthy revision when a new one fails. Its own
 * controller: what it writes is what `kubectl rollout undo` writes, and the Deployment's goes on.
 */
export function autoRollbackController(ports: ControllerPorts): Controller {
  const context: Context = {
    deployments: ports.informers.of(deployments),
    replicaSets: ports.informers.of(replicaSets),
    pods: ports.informers.of(pods),
    client: ports.client,
    recorder: ports.recorder("auto-rollback-controller"),
  };
  return {
    name: "auto-rollback-controller",
    workers: 2,
    watches: [
      watches(context.deployments, (it) => (wants(it) ? ownKey(it) : [])),
      watches(context.pods, (it) => keysOfPod(context, it), concernsHealth),
    ],
    async reconcile(key, signal) {
      const deployment = context.deployments.get(key);
      if (deployment === undefined || isDeleting(deployment) || !wants(deployment)) return {};
      return await look(context, deployment, ports.clock.now(), signal);
    },
  };
}

interface Context {
  readonly deployments: Informer<Deployment>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly pods: Informer<Pod>;
  readonly client: Client;
  readonly recorder: EventRecorder;
}

function wants(deployment: Deployment): boolean {
  return deployment.metadata?.annotations?.[wantedAnnotation] === "true";
}

function keysOfPod(context: Context, pod: Pod): readonly string[] {
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet") return [];
  const replicaSet = context.replicaSets.get(`${namespaceOf(pod)}/${owner.name}`);
  const controller = replicaSet === undefined ? undefined : controllerOf(replicaSet);
  if (controller?.kind !== "Deployment") return [];
  const deployment = context.deployments.get(`${namespaceOf(pod)}/${controller.name}`);
  return deployment === undefined || !wants(deployment) ? [] : [keyOf(deployment)];
}

function concernsHealth({ previous, current }: Change<Pod>): boolean {
  return previous?.status !== current?.status;
}

async function look(
  context: Context,
  deployment: Deployment,
  now: number,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const owned = controlledBy(context.replicaSets, uidOf(deployment));
  const podsOf = (it: ReplicaSet): readonly Pod[] => controlledBy(context.pods, uidOf(it));
  const plan = planAutoRollback({ deployment, replicaSets: owned, podsOf, now });
  for (const it of plan.healthy) {
    const at = { namespace: namespaceOf(it), name: nameOf(it) };
    const body = { metadata: { annotations: { [healthyAnnotation]: "true" }, uid: uidOf(it) } };
    await context.client.patch(replicaSets, at, { type: "merge", body }, signal);
  }
  if (plan.failure !== undefined) {
    const { current } = sortReplicaSets(deployment, owned);
    const from = current === undefined ? 0n : revisionOf(current);
    await goBack(context, deployment, { ...plan, failure: plan.failure, from }, signal);
  }
  return { afterMs: plan.afterMs };
}

interface Failed {
  readonly failure: string;
  readonly from: bigint;
  readonly target: ReplicaSet | undefined;
}

async function goBack(
  { client, recorder }: Context,
  deployment: Deployment,
  { failure, from, target }: Failed,
  signal: AbortSignal,
): Promise<void> {
  if (target === undefined) {
    const message = `Revision ${from} has failed, and no other was ever healthy: ${failure}`;
    recorder.record(deployments, deployment, { type: "Warning", reason: "NotRolledBack", message });
    return;
  }
  // With its version: a template that changed meanwhile is another revision, which has not failed.
  const spec = { selector: {}, ...deployment.spec, template: templateOf(target) ?? {} };
  await client.update(deployments, { ...deployment, spec }, {}, signal);
  const message = `Rolled back from revision ${from} to revision ${revisionOf(target)}: ${failure}`;
  recorder.record(deployments, deployment, { type: "Warning", reason: "RolledBack", message });
}
