import type { ControllerRevision, Pod, StatefulSet } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import type { Informer } from "#client/informer.ts";
import { persistentVolumeClaims, pods, statefulSets } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { History } from "#controllers/history/history.ts";
import { templateOf } from "#controllers/history/plan.ts";
import { claimObjects } from "#controllers/ownership/claim.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { controlledBy, inNamespace, orphansIn } from "#controllers/pods/indexes.ts";
import { isAvailable, isReady } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import {
  ordinalOf,
  planStatefulSet,
  revisionOf,
  type NewReplica,
  type StatefulSetPlan,
} from "./plan.ts";
import { claimName, replicaClaims, replicaPod } from "./replica.ts";

/** Keeps the pods of StatefulSets, each with a name and data of its own. */
export function statefulSetController(ports: ControllerPorts): Controller {
  const owners = ports.informers.of(statefulSets);
  const podInformer = ports.informers.of(pods);
  const context: Context = {
    ports,
    owners,
    pods: podInformer,
    recorder: ports.recorder("statefulset-controller"),
    writes: new OwnWrites(podInformer, ports),
    history: new History(ports, statefulSets),
  };
  return {
    name: "statefulset-controller",
    workers: 8,
    watches: [
      watches(owners, ownKey),
      watches(podInformer, (pod) => keysOfPod(context, pod)),
      watches(context.history.informer, () => []),
    ],
    reconcile: (key, signal) => reconcile(context, key, signal),
  };
}

interface Context {
  readonly ports: ControllerPorts;
  readonly owners: Informer<StatefulSet>;
  readonly pods: Informer<Pod>;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<Pod>;
  readonly history: History<StatefulSet>;
}

function keysOfPod({ owners }: Context, pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === "StatefulSet" ? [`${namespaceOf(pod)}/${controller.name}`] : [];
  }
  return inNamespace(owners, namespaceOf(pod))
    .filter((it) => matchesSelector(it.spec?.selector, pod.metadata?.labels))
    .map(keyOf);
}

async function reconcile(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  await context.writes.settled(key, signal);
  const set = context.owners.get(key);
  if (set === undefined || isDeleting(set)) return {};
  const owned = await claimPods(context, key, set, signal);
  const revisions = await context.history.list(key, set, signal);
  const update = await context.history.latest(key, set, revisions, signal);
  const all = [...revisions.filter((it) => nameOf(it) !== nameOf(update)), update];
  const current = all.find((it) => nameOf(it) === set.status?.currentRevision) ?? update;
  const names = { current: nameOf(current), update: nameOf(update) };
  const now = context.ports.clock.now();
  const plan = planStatefulSet(set, owned, names, now);
  try {
    await act(context, key, { set, plan, revisions: [current, update] }, signal);
  } finally {
    await writeStatus(context, { set, plan, names }, signal);
  }
  const inUse = new Set([...owned.map(revisionOf), names.current, names.update]);
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  await context.history.truncate(key, all, inUse, { limit, signal });
  return { afterMs: nextAvailableMs(set, owned, now) };
}

/** When a ready pod will have been ready long enough. */
function nextAvailableMs(set: StatefulSet, owned: readonly Pod[], now: number): number | undefined {
  const seconds = set.spec?.minReadySeconds ?? 0;
  const isWaiting = owned.some((it) => isReady(it) && !isAvailable(it, seconds, now));
  return seconds > 0 && isWaiting ? seconds * 1_000 : undefined;
}

async function claimPods(
  context: Context,
  key: string,
  owner: StatefulSet,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const mine = controlledBy(context.pods, uidOf(owner));
  // Only those with a name of the set's can be its own.
  const free = orphansIn(context.pods, namespaceOf(owner)).filter(
    (it) => ordinalOf(owner, it) !== undefined,
  );
  return await claimObjects(
    {
      client: context.ports.client,
      owner,
      ownerResource: statefulSets,
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

interface Work {
  readonly set: StatefulSet;
  readonly plan: StatefulSetPlan;
  readonly revisions: readonly ControllerRevision[];
}

async function act(context: Context, key: string, work: Work, signal: AbortSignal): Promise<void> {
  const { set, plan } = work;
  for (const replica of plan.create) {
    await createReplica(context, key, { set, replica, revisions: work.revisions }, signal);
  }
  for (const pod of plan.condemned) await condemnClaims(context, set, pod, signal);
  for (const pod of plan.remove) await removePod(context, key, { set, pod }, signal);
}

async function createReplica(
  context: Context,
  key: string,
  it: Pick<Work, "set" | "revisions"> & { readonly replica: NewReplica },
  signal: AbortSignal,
): Promise<void> {
  const { set, replica, revisions } = it;
  const { ports, writes, recorder } = context;
  for (const claim of replicaClaims(set, replica.ordinal)) {
    try {
      await ports.client.create(persistentVolumeClaims, claim, {}, signal);
      record(
        recorder,
        set,
        "SuccessfulCreate",
        `create Claim ${nameOf(claim)} Pod ${nameOf(set)}-${replica.ordinal} in StatefulSet ${nameOf(set)} success`,
      );
    } catch (error) {
      // It was kept for this replica, or an earlier look has made it.
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }
  const revision = revisions.find((found) => nameOf(found) === replica.revision);
  const template = revision === undefined ? (set.spec?.template ?? {}) : templateOf(revision);
  const pod = replicaPod(set, template, replica);
  try {
    writes.wrote(key, await ports.client.create(pods, pod, {}, signal));
    record(
      recorder,
      set,
      "SuccessfulCreate",
      `create Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} successful`,
    );
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) writes.uncertain(key);
    const why = error instanceof Error ? error.message : String(error);
    record(
      recorder,
      set,
      "FailedCreate",
      `create Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} failed error: ${why}`,
    );
    throw error;
  }
}

async function removePod(
  { writes, recorder }: Context,
  key: string,
  { set, pod }: { readonly set: StatefulSet; readonly pod: Pod },
  signal: AbortSignal,
): Promise<void> {
  if (!(await writes.delete(key, pod, {}, signal))) return;
  const message = `delete Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} successful`;
  record(recorder, set, "SuccessfulDelete", message);
}

/** Claims that are not kept when replicas become fewer belong to the pod that goes. */
async function condemnClaims(
  { ports }: Context,
  set: StatefulSet,
  pod: Pod,
  signal: AbortSignal,
): Promise<void> {
  const ordinal = ordinalOf(set, pod);
  const policy = set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled;
  if (policy !== "Delete" || ordinal === undefined) return;
  const owner = { apiVersion: "v1", kind: "Pod", name: nameOf(pod), uid: uidOf(pod) };
  for (const template of set.spec?.volumeClaimTemplates ?? []) {
    const at = { namespace: namespaceOf(set), name: claimName(set, template, ordinal) };
    const body = { metadata: { ownerReferences: [owner] } };
    try {
      await ports.client.patch(persistentVolumeClaims, at, { type: "strategic", body }, signal);
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}

async function writeStatus(
  { ports }: Context,
  it: {
    readonly set: StatefulSet;
    readonly plan: StatefulSetPlan;
    readonly names: { readonly current: string; readonly update: string };
  },
  signal: AbortSignal,
): Promise<void> {
  const { set, plan, names } = it;
  const { counts, isComplete } = plan;
  const status = {
    ...set.status,
    ...counts,
    ...(isComplete ? { currentReplicas: counts.updatedReplicas } : {}),
    currentRevision: isComplete ? names.update : names.current,
    updateRevision: names.update,
    observedGeneration: set.metadata?.generation,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  if (sameJson(status, set.status)) return;
  await ports.client.updateStatus(statefulSets, { ...set, status }, signal);
}

function record(recorder: EventRecorder, set: StatefulSet, reason: string, message: string): void {
  const type = reason.startsWith("Failed") ? "Warning" : "Normal";
  recorder.record(statefulSets, set, { type, reason, message });
}
