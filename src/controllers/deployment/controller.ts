import type { Deployment, Pod, ReplicaSet } from "#api/gen/types.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import type { Informer } from "#client/informer.ts";
import { deployments, pods, replicaSets } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { claimObjects, controllerReference } from "#controllers/ownership/claim.ts";
import { matchesSelector, selectsAll } from "#controllers/ownership/selection.ts";
import { controlledBy, inNamespace, orphansIn } from "#controllers/pods/indexes.ts";
import { isFinished } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { boundsOf } from "./bounds.ts";
import { inheritedAnnotations, planDeployment, type DeploymentStep } from "./plan.ts";
import {
  replicasOf,
  revisionAnnotation,
  sizeAnnotations,
  sortReplicaSets,
} from "./replica-set-view.ts";
import { deadlineMs, deploymentStatus } from "./status.ts";
import { canonicalTemplate, hashLabel, templateHash } from "./template-hash.ts";

/** Rolls Deployments out: one ReplicaSet for each template, replaced step by step. */
export function deploymentController(ports: ControllerPorts): Controller {
  const context: Context = {
    deployments: ports.informers.of(deployments),
    replicaSets: ports.informers.of(replicaSets),
    pods: ports.informers.of(pods),
    client: ports.client,
    clock: ports.clock,
    recorder: ports.recorder("deployment-controller"),
    writes: new OwnWrites(ports.informers.of(replicaSets), ports),
  };
  return {
    name: "deployment-controller",
    workers: 8,
    watches: [
      watches(context.deployments, ownKey),
      watches(context.replicaSets, (it) => keysOfReplicaSet(context, it)),
      // Only Recreate looks at pods: it waits for the last of the old ones to go.
      watches(
        context.pods,
        (it) => keysOfPod(context, it),
        ({ current }) => current === undefined || isFinished(current),
      ),
    ],
    reconcile: (key, signal) => reconcile(context, key, signal),
  };
}

interface Context {
  readonly deployments: Informer<Deployment>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly pods: Informer<Pod>;
  readonly client: Client;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<ReplicaSet>;
}

function keysOfReplicaSet(context: Context, replicaSet: ReplicaSet): readonly string[] {
  const controller = controllerOf(replicaSet);
  const namespace = namespaceOf(replicaSet);
  if (controller !== undefined) {
    return controller.kind === "Deployment" ? [`${namespace}/${controller.name}`] : [];
  }
  return inNamespace(context.deployments, namespace)
    .filter((it) => matchesSelector(it.spec?.selector, replicaSet.metadata?.labels))
    .map(keyOf);
}

function keysOfPod(context: Context, pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller?.kind !== "ReplicaSet") return [];
  const replicaSet = context.replicaSets.get(`${namespaceOf(pod)}/${controller.name}`);
  return replicaSet === undefined ? [] : keysOfReplicaSet(context, replicaSet);
}

async function reconcile(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  await context.writes.settled(key, signal);
  const deployment = context.deployments.get(key);
  if (deployment === undefined) return {};
  const selector = deployment.spec?.selector;
  if (selectsAll(selector)) {
    warn(context, deployment, "SelectingAll", "This deployment is selecting all pods.");
    return {};
  }
  const owned = await claimObjects(
    {
      client: context.client,
      owner: deployment,
      ownerResource: deployments,
      selector,
      resource: replicaSets,
      objects: [
        ...controlledBy(context.replicaSets, uidOf(deployment)),
        ...orphansIn(context.replicaSets, namespaceOf(deployment)),
      ],
      wrote: (it) => {
        context.writes.wrote(key, it);
      },
    },
    signal,
  );
  return await rollOut(context, key, { deployment, owned }, signal);
}

interface Rollout {
  readonly deployment: Deployment;
  readonly owned: readonly ReplicaSet[];
}

/** What the steps of one reconcile did, as far as the status tells it. */
interface Outcome {
  /** The Deployment after a write of this reconcile. */
  written?: Deployment;
  created?: string;
  failure?: string;
  collisionCount?: number;
  error?: Error;
}

async function rollOut(
  context: Context,
  key: string,
  rollout: Rollout,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { deployment, owned } = rollout;
  const oldPodsRunning = hasOldPods(context, rollout);
  const outcome: Outcome = {};
  for (const step of planDeployment({ deployment, replicaSets: owned, oldPodsRunning })) {
    await execute({ context, key, rollout, outcome }, step, signal);
  }
  const now = context.clock.now();
  const status = deploymentStatus({ deployment, replicaSets: owned, ...outcome, now });
  if (!sameJson(status, deployment.status)) {
    const current = outcome.written ?? deployment;
    await context.client.updateStatus(deployments, { ...current, status }, signal);
  }
  if (outcome.error !== undefined) throw outcome.error;
  return { afterMs: deadlineMs(deployment, status, now) };
}

interface Work {
  readonly context: Context;
  readonly key: string;
  readonly rollout: Rollout;
  readonly outcome: Outcome;
}

async function execute(work: Work, step: DeploymentStep, signal: AbortSignal): Promise<void> {
  const { client } = work.context;
  const { deployment } = work.rollout;
  switch (step.kind) {
    case "create":
      await createReplicaSet(work, step, signal);
      return;
    case "update":
      await updateReplicaSet(work, step, signal);
      return;
    case "set-revision": {
      const annotations = { [revisionAnnotation]: String(step.revision) };
      const body = { metadata: { annotations, uid: uidOf(deployment) } };
      const at = { namespace: namespaceOf(deployment), name: nameOf(deployment) };
      const patch = { type: "merge", body } as const;
      work.outcome.written = await client.patch(deployments, at, patch, signal);
      return;
    }
    case "delete": {
      const uid = uidOf(step.replicaSet);
      const at = { namespace: namespaceOf(step.replicaSet), name: nameOf(step.replicaSet) };
      await client
        .delete(replicaSets, at, { preconditions: { uid } }, signal)
        .catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error;
        });
      return;
    }
  }
}

async function createReplicaSet(
  work: Work,
  step: DeploymentStep & { readonly kind: "create" },
  signal: AbortSignal,
): Promise<void> {
  const { context, key, outcome } = work;
  const { deployment } = work.rollout;
  const wanted = newReplicaSet(deployment, step);
  try {
    const created = await context.client.create(replicaSets, wanted, {}, signal);
    context.writes.wrote(key, created);
    outcome.created = nameOf(created);
    if (step.replicas > 0)
      recordScaling(context, deployment, created, { from: 0, to: step.replicas });
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) {
      await meetExisting(work, wanted, signal);
      return;
    }
    if (!(error instanceof StatusError) || isNamespaceTerminating(error)) throw error;
    outcome.failure = error.message;
    outcome.error = error;
    warn(context, deployment, "ReplicaSetCreateError", error.message);
  }
}

/** The name is taken: by an earlier attempt of ours, or by another template of the same hash. */
async function meetExisting(work: Work, wanted: ReplicaSet, signal: AbortSignal): Promise<void> {
  const { context, key, outcome } = work;
  const { deployment } = work.rollout;
  const at = { namespace: namespaceOf(wanted), name: nameOf(wanted) };
  const existing = await context.client.get(replicaSets, at, signal);
  const template = existing.spec?.template ?? {};
  const isOurs =
    controllerOf(existing)?.uid === uidOf(deployment) &&
    canonicalTemplate(template) === canonicalTemplate(wanted.spec?.template ?? {});
  if (isOurs) context.writes.wrote(key, existing);
  else outcome.collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
}

function newReplicaSet(
  deployment: Deployment,
  step: DeploymentStep & { readonly kind: "create" },
): ReplicaSet {
  const { spec } = deployment;
  const template = spec?.template ?? {};
  const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const { matchLabels, ...selector } = spec?.selector ?? {};
  return {
    metadata: {
      namespace: namespaceOf(deployment),
      name: `${nameOf(deployment)}-${hash}`,
      labels,
      annotations: {
        ...inheritedAnnotations(deployment),
        ...sizeAnnotations(boundsOf(deployment)),
        [revisionAnnotation]: String(step.revision),
      },
      ownerReferences: [controllerReference(deployments, deployment)],
    },
    spec: {
      replicas: step.replicas,
      minReadySeconds: spec?.minReadySeconds ?? 0,
      selector: { ...selector, matchLabels: { ...matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

async function updateReplicaSet(
  { context, key, rollout }: Work,
  step: DeploymentStep & { readonly kind: "update" },
  signal: AbortSignal,
): Promise<void> {
  const { replicaSet, replicas, minReadySeconds, annotations } = step;
  const from = replicasOf(replicaSet);
  // With the resource version of what was decided on: a conflict means to look again.
  const updated = await context.client.update(
    replicaSets,
    {
      ...replicaSet,
      metadata: {
        ...replicaSet.metadata,
        annotations: { ...replicaSet.metadata?.annotations, ...annotations },
      },
      spec: { selector: {}, ...replicaSet.spec, replicas, minReadySeconds },
    },
    {},
    signal,
  );
  context.writes.wrote(key, updated);
  if (replicas !== from) {
    recordScaling(context, rollout.deployment, replicaSet, { from, to: replicas });
  }
}

function hasOldPods(context: Context, { deployment, owned }: Rollout): boolean {
  return sortReplicaSets(deployment, owned)
    .old.flatMap((it) => controlledBy(context.pods, uidOf(it)))
    .some((it) => !isFinished(it));
}

function recordScaling(
  { recorder }: Context,
  deployment: Deployment,
  replicaSet: ReplicaSet,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  const direction = to > from ? "up" : "down";
  const message = `Scaled ${direction} replica set ${nameOf(replicaSet)} from ${from} to ${to}`;
  recorder.record(deployments, deployment, {
    type: "Normal",
    reason: "ScalingReplicaSet",
    message,
  });
}

function warn(context: Context, deployment: Deployment, reason: string, message: string): void {
  if (isDeleting(deployment)) return;
  context.recorder.record(deployments, deployment, { type: "Warning", reason, message });
}

function isNamespaceTerminating(error: StatusError): boolean {
  return error.details?.causes?.some((it) => it.reason === "NamespaceTerminating") === true;
}
