import type { DaemonSet, Node, Pod } from "#api/gen/types.ts";
import type { Informer } from "#client/informer.ts";
import { daemonSets, nodes, pods } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { History, revisionLabel } from "#controllers/history/history.ts";
import { claimObjects, controllerReference } from "#controllers/ownership/claim.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { controlledBy, inNamespace, orphansIn } from "#controllers/pods/indexes.ts";
import { podFromTemplate } from "#controllers/pods/template.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { slowStartBatches } from "#controllers/replicaset/plan.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { specForNode } from "./fit.ts";
import { planDaemonSet, type DaemonSetPlan } from "./plan.ts";

/** Keeps a pod of each DaemonSet on every node that is to have one. */
export function daemonSetController(ports: ControllerPorts): Controller {
  const owners = ports.informers.of(daemonSets);
  const podInformer = ports.informers.of(pods);
  const nodeInformer = ports.informers.of(nodes);
  const context: Context = {
    ports,
    owners,
    pods: podInformer,
    nodes: nodeInformer,
    recorder: ports.recorder("daemonset-controller"),
    writes: new OwnWrites(podInformer, ports),
    history: new History(ports, daemonSets),
  };
  return {
    name: "daemonset-controller",
    workers: 4,
    watches: [
      watches(owners, ownKey),
      watches(podInformer, (pod) => keysOfPod(context, pod)),
      watches(nodeInformer, () => owners.list().map(keyOf), concernsPlaces),
      watches(context.history.informer, () => []),
    ],
    reconcile: (key, signal) => reconcile(context, key, signal),
  };
}

interface Context {
  readonly ports: ControllerPorts;
  readonly owners: Informer<DaemonSet>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<Pod>;
  readonly history: History<DaemonSet>;
}

/** A node's heartbeat changes no place. */
function concernsPlaces({
  previous,
  current,
}: {
  readonly previous?: Node | undefined;
  readonly current?: Node | undefined;
}): boolean {
  if (previous === undefined || current === undefined) return true;
  const of = (it: Node): unknown => [it.metadata?.labels ?? {}, it.spec?.taints ?? []];
  return !sameJson(of(previous), of(current));
}

function keysOfPod({ owners }: Context, pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === "DaemonSet" ? [`${namespaceOf(pod)}/${controller.name}`] : [];
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
  const latest = await context.history.latest(key, set, revisions, signal);
  const hash = latest.metadata?.labels?.[revisionLabel] ?? "";
  const all = { nodes: context.nodes.list(), pods: owned, hash };
  const plan = planDaemonSet(set, all, context.ports.clock.now());
  try {
    await act(context, key, { set, plan, hash }, signal);
  } finally {
    await writeStatus(context, set, plan, signal);
  }
  const hashes = new Set(owned.map((it) => it.metadata?.labels?.[revisionLabel] ?? ""));
  const inUse = new Set([nameOf(latest), ...[...hashes].map((it) => `${nameOf(set)}-${it}`)]);
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  await context.history.truncate(key, revisions, inUse, { limit, signal });
  const seconds = set.spec?.minReadySeconds ?? 0;
  const isSettling = seconds > 0 && (plan.status.numberUnavailable ?? 0) > 0;
  return { afterMs: isSettling ? seconds * 1_000 : plan.afterMs };
}

async function claimPods(
  context: Context,
  key: string,
  owner: DaemonSet,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  return await claimObjects(
    {
      client: context.ports.client,
      owner,
      ownerResource: daemonSets,
      selector: owner.spec?.selector,
      resource: pods,
      objects: [
        ...controlledBy(context.pods, uidOf(owner)),
        ...orphansIn(context.pods, namespaceOf(owner)),
      ],
      wrote: (pod) => {
        context.writes.wrote(key, pod);
      },
    },
    signal,
  );
}

async function act(
  context: Context,
  key: string,
  {
    set,
    plan,
    hash,
  }: { readonly set: DaemonSet; readonly plan: DaemonSetPlan; readonly hash: string },
  signal: AbortSignal,
): Promise<void> {
  for (const pod of plan.failed) {
    const message = `Found failed daemon pod ${namespaceOf(pod)}/${nameOf(pod)} on node ${pod.spec?.nodeName ?? ""}, will try to kill it`;
    context.recorder.record(daemonSets, set, {
      type: "Warning",
      reason: "FailedDaemonPod",
      message,
    });
  }
  await settleAll(plan.remove.map((pod) => removePod(context, key, { set, pod }, signal)));
  let at = 0;
  for (const batch of slowStartBatches(plan.create.length)) {
    const part = plan.create.slice(at, at + batch);
    at += batch;
    await settleAll(
      part.map((node) => createPod(context, key, { set, pod: podFor(set, node, hash) }, signal)),
    );
  }
}

function podFor(set: DaemonSet, node: string, hash: string): Pod {
  const template = set.spec?.template ?? {};
  const pod = podFromTemplate(template, set, controllerReference(daemonSets, set));
  const labels = { ...pod.metadata?.labels, [revisionLabel]: hash };
  const spec = specForNode(template, node);
  const metadata = { ...pod.metadata, labels };
  return spec === undefined ? { metadata } : { metadata, spec };
}

async function createPod(
  { ports, writes, recorder }: Context,
  key: string,
  { set, pod }: { readonly set: DaemonSet; readonly pod: Pod },
  signal: AbortSignal,
): Promise<void> {
  try {
    const created = await ports.client.create(pods, pod, {}, signal);
    writes.wrote(key, created);
    const message = `Created pod: ${nameOf(created)}`;
    recorder.record(daemonSets, set, { type: "Normal", reason: "SuccessfulCreate", message });
  } catch (error) {
    writes.uncertain(key);
    const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
    recorder.record(daemonSets, set, { type: "Warning", reason: "FailedCreate", message });
    throw error;
  }
}

async function removePod(
  { writes, recorder }: Context,
  key: string,
  { set, pod }: { readonly set: DaemonSet; readonly pod: Pod },
  signal: AbortSignal,
): Promise<void> {
  if (!(await writes.delete(key, pod, {}, signal))) return;
  const message = `Deleted pod: ${nameOf(pod)}`;
  recorder.record(daemonSets, set, { type: "Normal", reason: "SuccessfulDelete", message });
}

async function writeStatus(
  { ports }: Context,
  set: DaemonSet,
  plan: DaemonSetPlan,
  signal: AbortSignal,
): Promise<void> {
  const { generation } = set.metadata ?? {};
  const status = { ...set.status, ...plan.status, observedGeneration: generation };
  if (sameJson(status, set.status)) return;
  await ports.client.updateStatus(daemonSets, { ...set, status }, signal);
}

/** All have their try; the first failure is told. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((it) => it.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
