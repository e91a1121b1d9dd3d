import type { CronJob, Job, ObjectReference } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Informer } from "#client/informer.ts";
import { cronJobs, jobs } from "#client/kinds.ts";
import { controllerOf, isDeleting, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { controllerReference } from "#controllers/ownership/claim.ts";
import { controlledBy } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import { hasSucceeded, jobNameOf, planCronJob, type CronJobPlan } from "./plan.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

/** Which time a Job was made for. */
const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** Makes Jobs at the times of their CronJobs. It sleeps until the next time, and does not poll. */
export function cronJobController(ports: ControllerPorts): Controller {
  const owners = ports.informers.of(cronJobs);
  const jobInformer = ports.informers.of(jobs);
  const context: Context = {
    ports,
    jobs: jobInformer,
    recorder: ports.recorder("cronjob-controller"),
    jobWrites: new OwnWrites(jobInformer, ports),
    writes: new OwnWrites(owners, ports),
  };
  return {
    name: "cronjob-controller",
    workers: 4,
    watches: [
      watches(owners, ownKey),
      watches(jobInformer, (job) => {
        const controller = controllerOf(job);
        return controller?.kind === "CronJob" ? [`${namespaceOf(job)}/${controller.name}`] : [];
      }),
    ],
    async reconcile(key, signal) {
      await context.writes.settled(key, signal);
      await context.jobWrites.settled(key, signal);
      const cronJob = owners.get(key);
      if (cronJob === undefined || isDeleting(cronJob)) return {};
      return await reconcile(context, key, cronJob, signal);
    },
  };
}

interface Context {
  readonly ports: ControllerPorts;
  readonly jobs: Informer<Job>;
  readonly recorder: EventRecorder;
  readonly jobWrites: OwnWrites<Job>;
  readonly writes: OwnWrites<CronJob>;
}

async function reconcile(
  context: Context,
  key: string,
  cronJob: CronJob,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { clock } = context.ports;
  const schedule = scheduleOf(context, cronJob);
  const owned = controlledBy(context.jobs, uidOf(cronJob)).filter((it) => !isDeleting(it));
  const plan = planCronJob(cronJob, owned, schedule, clock.now());
  tell(context, cronJob, plan);
  for (const job of [...plan.forget, ...plan.replace]) {
    await removeJob(context, key, { cronJob, job }, signal);
  }
  const made =
    plan.due === undefined
      ? undefined
      : await makeJob(context, key, { cronJob, due: plan.due }, signal);
  await writeStatus(context, key, { cronJob, plan, made }, signal);
  if (plan.nextAt === undefined) return {};
  return { afterMs: Math.max(0, plan.nextAt - clock.now()) };
}

function scheduleOf({ recorder }: Context, cronJob: CronJob): Schedule | undefined {
  const { schedule, timeZone } = cronJob.spec;
  try {
    return parseSchedule(schedule, timeZone, cronJob.metadata?.creationTimestamp ?? "");
  } catch (error) {
    const message = `unparseable schedule: ${JSON.stringify(schedule)} : ${String(error)}`;
    recorder.record(cronJobs, cronJob, { type: "Warning", reason: "UnparseableSchedule", message });
    return undefined;
  }
}

function tell({ recorder }: Context, cronJob: CronJob, plan: CronJobPlan): void {
  for (const note of plan.notes) recorder.record(cronJobs, cronJob, note);
  for (const job of plan.finished) {
    const status = hasSucceeded(job) ? "Complete" : "Failed";
    const message = `Saw completed job: ${nameOf(job)}, condition: ${status}`;
    recorder.record(cronJobs, cronJob, { type: "Normal", reason: "SawCompletedJob", message });
  }
  for (const { name } of plan.missing) {
    const message = `Active job went missing: ${name ?? ""}`;
    recorder.record(cronJobs, cronJob, { type: "Normal", reason: "MissingJob", message });
  }
}

async function removeJob(
  { recorder, jobWrites }: Context,
  key: string,
  { cronJob, job }: { readonly cronJob: CronJob; readonly job: Job },
  signal: AbortSignal,
): Promise<void> {
  if (!(await jobWrites.delete(key, job, { propagationPolicy: "Background" }, signal))) return;
  const message = `Deleted job ${nameOf(job)}`;
  recorder.record(cronJobs, cronJob, { type: "Normal", reason: "SuccessfulDelete", message });
}

/** The Job of that time, made now or before. */
async function makeJob(
  { ports, recorder, jobWrites }: Context,
  key: string,
  { cronJob, due }: { readonly cronJob: CronJob; readonly due: number },
  signal: AbortSignal,
): Promise<Job | undefined> {
  const namespace = namespaceOf(cronJob);
  const name = jobNameOf(cronJob, due);
  const { metadata: given, spec } = cronJob.spec.jobTemplate;
  const annotations = {
    ...given?.annotations,
    [scheduledAnnotation]: formatTime(due),
  };
  const labels = given?.labels;
  const ownerReferences = [controllerReference(cronJobs, cronJob)];
  const metadata = { namespace, name, annotations, ownerReferences };
  const job: Job = {
    metadata: { ...metadata, ...(labels === undefined ? {} : { labels }) },
    ...(spec === undefined ? {} : { spec }),
  };
  try {
    const created = await ports.client.create(jobs, job, {}, signal);
    jobWrites.wrote(key, created);
    const message = `Created job ${name}`;
    recorder.record(cronJobs, cronJob, { type: "Normal", reason: "SuccessfulCreate", message });
    return created;
  } catch (error) {
    // Made by a look that was interrupted before it could say so.
    if (isStatus(error, "AlreadyExists"))
      return await ports.client.get(jobs, { namespace, name }, signal);
    const message = `Error creating job: ${error instanceof Error ? error.message : String(error)}`;
    recorder.record(cronJobs, cronJob, { type: "Warning", reason: "FailedCreate", message });
    throw error;
  }
}

async function writeStatus(
  { ports, writes }: Context,
  key: string,
  it: {
    readonly cronJob: CronJob;
    readonly plan: CronJobPlan;
    readonly made: Job | undefined;
  },
  signal: AbortSignal,
): Promise<void> {
  const { cronJob, plan, made } = it;
  const gone = new Set([...plan.finished, ...plan.replace].map(uidOf));
  for (const { uid } of plan.missing) gone.add(uid ?? "");
  const kept = (cronJob.status?.active ?? []).filter(({ uid }) => !gone.has(uid ?? ""));
  const isNew = made !== undefined && !kept.some(({ uid }) => uid === uidOf(made));
  const active = isNew ? [...kept, referenceTo(made)] : kept;
  const { lastScheduleTime, lastSuccessfulTime } = cronJob.status ?? {};
  const status = {
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    ...(active.length === 0 ? {} : { active }),
    ...(plan.due === undefined ? {} : { lastScheduleTime: formatTime(plan.due) }),
    ...(plan.lastSuccess === undefined ? {} : { lastSuccessfulTime: formatTime(plan.lastSuccess) }),
  };
  if (sameJson(status, cronJob.status ?? {})) return;
  writes.wrote(key, await ports.client.updateStatus(cronJobs, { ...cronJob, status }, signal));
}

function referenceTo(job: Job): ObjectReference {
  const resourceVersion = job.metadata?.resourceVersion;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    namespace: namespaceOf(job),
    name: nameOf(job),
    uid: uidOf(job),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
