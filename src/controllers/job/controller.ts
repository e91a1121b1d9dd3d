import type { Job, Pod } from "#api/gen/types.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Informer } from "#client/informer.ts";
import { jobs, pods } from "#client/kinds.ts";
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { claimObjects } from "#controllers/ownership/claim.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { controlledBy, inNamespace, orphansIn } from "#controllers/pods/indexes.ts";
import { isActive } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { slowStartBatches } from "#controllers/replicaset/plan.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { isTracked, trackingFinalizer } from "./job-pods.ts";
import { jobPod } from "./new-pod.ts";
import { planJob, type JobPlan, type NewPod } from "./plan.ts";
import { isFinished, jobStatus, wasSuspended } from "./status.ts";

/** Jobs with another manager are that one's business. */
const ownManager = "kubernetes.io/job-controller";

/** Runs the pods of Jobs to their end, and counts them. */
export function jobController(ports: ControllerPorts): Controller {
  const owners = ports.informers.of(jobs);
  const podInformer = ports.informers.of(pods);
  const context: Context = {
    ports,
    owners,
    pods: podInformer,
    recorder: ports.recorder("job-controller"),
    writes: new OwnWrites(podInformer, ports),
    ownWrites: new OwnWrites(owners, ports),
  };
  return {
    name: "job-controller",
    workers: 8,
    watches: [watches(owners, ownKey), watches(podInformer, (pod) => keysOfPod(context, pod))],
    reconcile: (key, signal) => reconcile(context, key, signal),
  };
}

interface Context {
  readonly ports: ControllerPorts;
  readonly owners: Informer<Job>;
  readonly pods: Informer<Pod>;
  readonly recorder: EventRecorder;
  readonly writes: OwnWrites<Pod>;
  readonly ownWrites: OwnWrites<Job>;
}

/** In a key: the pods that no Job controls any more. No Job has this name. */
const nobody = "";

function keysOfPod({ owners }: Context, pod: Pod): readonly string[] {
  const controller = controllerOf(pod);
  if (controller !== undefined) {
    return controller.kind === "Job" ? [`${namespaceOf(pod)}/${controller.name}`] : [];
  }
  const wanting = inNamespace(owners, namespaceOf(pod))
    .filter((it) => matchesSelector(it.spec?.selector, pod.metadata?.labels))
    .map(keyOf);
  return isTracked(pod) ? [...wanting, `${namespaceOf(pod)}/${nobody}`] : wanting;
}

async function reconcile(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  await context.writes.settled(key, signal);
  await context.ownWrites.settled(key, signal);
  const job = context.owners.get(key);
  if (job === undefined) {
    await releaseOrphans(context, key, signal);
    return {};
  }
  if ((job.spec?.managedBy ?? ownManager) !== ownManager) return {};
  const owned = await claimPods(context, key, job, signal);
  if (isFinished(job) || isDeleting(job)) {
    await release(context, key, owned.filter(isTracked), signal);
    return {};
  }
  const now = context.ports.clock.now();
  const plan = planJob(job, owned, now);
  // First what was counted is stored; only then may the pods that it is about be forgotten.
  await writeStatus(context, key, { job, plan }, signal);
  await release(context, key, plan.counts.release, signal);
  await removePods(context, key, { job, victims: plan.remove }, signal);
  await createPods(context, key, { job, wanted: plan.create }, signal);
  return { afterMs: plan.afterMs };
}

async function claimPods(
  { ports, pods: informer, writes }: Context,
  key: string,
  owner: Job,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const mine = controlledBy(informer, uidOf(owner));
  const free = orphansIn(informer, namespaceOf(owner)).filter(isActive);
  return await claimObjects(
    {
      client: ports.client,
      owner,
      ownerResource: jobs,
      selector: owner.spec?.selector,
      resource: pods,
      finalizer: trackingFinalizer,
      objects: [...mine, ...free],
      wrote: (pod) => {
        writes.wrote(key, pod);
      },
    },
    signal,
  );
}

async function writeStatus(
  context: Context,
  key: string,
  { job, plan }: { readonly job: Job; readonly plan: JobPlan },
  signal: AbortSignal,
): Promise<void> {
  const status = jobStatus(job, plan, context.ports.clock.now());
  if (sameJson(status, job.status)) return;
  const written = await context.ports.client.updateStatus(jobs, { ...job, status }, signal);
  context.ownWrites.wrote(key, written);
  tell(context, job, plan);
}

function tell({ recorder }: Context, job: Job, { verdict, isFinal }: JobPlan): void {
  const record = (type: "Normal" | "Warning", reason: string, message: string): void => {
    recorder.record(jobs, job, { type, reason, message });
  };
  if (isFinal && verdict?.kind === "success") record("Normal", "Completed", "Job completed");
  if (isFinal && verdict?.kind === "failure") record("Warning", verdict.reason, verdict.message);
  if (verdict !== undefined) return;
  const isSuspended = job.spec?.suspend === true;
  if (isSuspended && !wasSuspended(job.status)) record("Normal", "Suspended", "Job suspended");
  if (!isSuspended && wasSuspended(job.status)) record("Normal", "Resumed", "Job resumed");
}

/** Lets pods go whose end is counted. */
async function release(
  { ports, writes }: Context,
  key: string,
  list: readonly Pod[],
  signal: AbortSignal,
): Promise<void> {
  await settleAll(
    list.map(async (pod) => {
      const left = (pod.metadata?.finalizers ?? []).filter((it) => it !== trackingFinalizer);
      const finalizers = left.length === 0 ? null : left;
      const at = { namespace: namespaceOf(pod), name: nameOf(pod) };
      const { resourceVersion } = pod.metadata ?? {};
      const body = { metadata: { uid: uidOf(pod), resourceVersion, finalizers } };
      try {
        const written = await ports.client.patch(pods, at, { type: "merge", body }, signal);
        // A pod that was only held back by the finalizer is gone now, and will not be seen again.
        if (!isDeleting(pod)) writes.wrote(key, written);
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }),
  );
}

/** The Job is gone, or has let its pods go: nobody is to hold them back. */
async function releaseOrphans(context: Context, key: string, signal: AbortSignal): Promise<void> {
  const [namespace = "", name = ""] = key.split("/");
  const left = inNamespace(context.pods, namespace).filter((pod) => {
    const controller = controllerOf(pod);
    if (!isTracked(pod)) return false;
    if (controller === undefined) return name === nobody;
    return controller.kind === "Job" && controller.name === name;
  });
  await release(context, key, left, signal);
}

async function removePods(
  { recorder, writes }: Context,
  key: string,
  { job, victims }: { readonly job: Job; readonly victims: readonly Pod[] },
  signal: AbortSignal,
): Promise<void> {
  await settleAll(
    victims.map(async (pod) => {
      if (!(await writes.delete(key, pod, {}, signal))) return;
      const message = `Deleted pod: ${nameOf(pod)}`;
      recorder.record(jobs, job, { type: "Normal", reason: "SuccessfulDelete", message });
    }),
  );
}

async function createPods(
  context: Context,
  key: string,
  { job, wanted }: { readonly job: Job; readonly wanted: readonly NewPod[] },
  signal: AbortSignal,
): Promise<void> {
  let at = 0;
  for (const batch of slowStartBatches(wanted.length)) {
    const part = wanted.slice(at, at + batch);
    at += batch;
    await settleAll(
      part.map((it) => createPod(context, key, { job, pod: jobPod(job, it) }, signal)),
    );
  }
}

async function createPod(
  { ports, recorder, writes }: Context,
  key: string,
  { job, pod }: { readonly job: Job; readonly pod: Pod },
  signal: AbortSignal,
): Promise<void> {
  try {
    const created = await ports.client.create(pods, pod, {}, signal);
    writes.wrote(key, created);
    const message = `Created pod: ${nameOf(created)}`;
    recorder.record(jobs, job, { type: "Normal", reason: "SuccessfulCreate", message });
  } catch (error) {
    if (!(error instanceof StatusError)) {
      writes.uncertain(key);
    } else {
      const causes = error.details?.causes ?? [];
      if (causes.some((it) => it.reason === "NamespaceTerminating")) return;
      const message = `Error creating: ${error.message}`;
      recorder.record(jobs, job, { type: "Warning", reason: "FailedCreate", message });
    }
    throw error;
  }
}

/** All have their try; the first failure is told. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((it) => it.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
