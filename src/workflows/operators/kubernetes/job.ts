import { readFile } from "node:fs/promises";
import type { Job as KubernetesJob, Pod } from "#api/gen/types.ts";
import { childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { parseYaml } from "#api/yaml.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Informer } from "#client/informer.ts";
import { jobs, pods } from "#client/kinds.ts";
import { FailError } from "#dag/authoring/context.ts";
import { openTaskCluster, type TaskCluster } from "#workflows/kubernetes/cluster.ts";
import { dnsLabel, podName } from "#workflows/kubernetes/names.ts";
import { jobProgress, operatorJob } from "#workflows/kubernetes/operator-job.ts";
import { watchPauseMsMax } from "#workflows/kubernetes/patience.ts";
import {
  optionalText,
  Reschedule,
  requiredText,
  type Operator,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { jobTemplated, podTemplated } from "#workflows/operators/templated.ts";
import { JobOutputs } from "./job-outputs.ts";
import { PodLog } from "./pod-logs.ts";
import { podSettings } from "./settings.ts";
import { namespaceOf, taskLabels, tryLabels } from "./task-pods.ts";

const tryLabel = "try_number";
const defaultPollSeconds = 10;
/** For the rest of a log after its job has ended. */
const lastLinesMs = 10_000;
/** For the end of a job whose task is ended; less than its worker has for that. */
const killMs = 2_500;

/** Runs a Job; waits for its end where the task asks for that. */
export const kubernetesJobOperator: Operator = {
  templated: jobTemplated,
  async execute(call) {
    checkOutputs(call);
    await using cluster = await openTaskCluster(call);
    const wanted = operatorJob(call.input, await templateOf(call));
    const namespace = namespaceOf(wanted, cluster);
    try {
      const job = await findOrCreate(call, cluster, wanted);
      return await waitFor(call, cluster, job);
    } catch (error) {
      if (call.context.signal.aborted) {
        await deleteTaskJobs(call, cluster, namespace, AbortSignal.timeout(killMs));
      }
      throw error;
    }
  },
  async kill(call) {
    await using cluster = await openTaskCluster(call);
    const wanted = operatorJob(call.input, await templateOf(call));
    await deleteTaskJobs(call, cluster, namespaceOf(wanted, cluster), call.context.signal);
  },
};

/** Somebody has to be there when the pods' containers end: their sidecars wait for that. */
function checkOutputs({ input }: OperatorCall): void {
  const { doXcomPush, waitUntilJobComplete, deferrable } = input;
  if (doXcomPush !== true || (waitUntilJobComplete === true && deferrable !== true)) return;
  throw new FailError(
    "doXcomPush of a Job needs waitUntilJobComplete, and a task that is not deferrable",
  );
}

async function templateOf(call: OperatorCall): Promise<JsonObject> {
  const file = optionalText(call, "jobTemplateFile");
  if (file === undefined) return {};
  const value = parseYaml(await readFile(file, "utf8")).documents[0]?.value;
  if (isJsonObject(value) && (childString(value, "kind") ?? "Job") === "Job") return value;
  throw new Error(`job template ${file}: expected a Job, as YAML`);
}

/** The Job that an earlier worker of the task has left, or a new one. */
async function findOrCreate(
  call: OperatorCall,
  cluster: TaskCluster,
  wanted: JsonObject,
): Promise<KubernetesJob> {
  const { job, context, input, log } = call;
  const namespace = namespaceOf(wanted, cluster);
  const found = await listTaskJobs(call, cluster, namespace, context.signal);
  const own = found.find((it) => tryOf(it) >= job.freshFrom && isOfThisTry(it, call));
  if (own !== undefined) {
    log.line("INFO", `goes on with job ${own.metadata?.name ?? ""}, which is there already`);
    return own;
  }
  const metadata = childObject(wanted, "metadata") ?? {};
  const given = childString(metadata, "name") ?? job.taskId;
  const name = input["randomNameSuffix"] === false ? dnsLabel(given) : podName(given, job.attempt);
  const labels = { ...childObject(metadata, "labels"), ...jobLabels(tryLabels(job)) };
  const made: JsonObject = { ...wanted, metadata: { ...metadata, name, namespace, labels } };
  try {
    const created = await cluster.client.create(jobs, made, {}, context.signal);
    log.line("INFO", `job ${namespace}/${name}`);
    await call.ask({ kind: "push", name: "job_name", value: name });
    await call.ask({ kind: "push", name: "job_namespace", value: namespace });
    return created;
  } catch (error) {
    if (!isStatus(error, "Invalid") && !isStatus(error, "BadRequest")) throw error;
    throw new FailError(`the job cannot be: ${error instanceof Error ? error.message : ""}`);
  }
}

/** A Job that has ended is an earlier try's, but when this one waits without a worker. */
function isOfThisTry(job: KubernetesJob, call: OperatorCall): boolean {
  return jobProgress(job).kind === "running" || tryOf(job) === call.job.tryNumber;
}

/** A pod of the Job is not to be taken for one of `kubernetesPod`. */
function jobLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(labels).filter(([name]) => name !== "kubernetes_pod_operator");
  return { ...Object.fromEntries(others), kubernetes_job_operator: "True" };
}

function tryOf(job: KubernetesJob): number {
  return Number(job.metadata?.labels?.[tryLabel] ?? 0);
}

async function listTaskJobs(
  { job }: OperatorCall,
  { client }: TaskCluster,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly KubernetesJob[]> {
  const labels = Object.entries(jobLabels(taskLabels(job))).map(([name, it]) => `${name}=${it}`);
  const labelSelector = labels.join(",");
  const { items } = await client.list(jobs, { namespace, labelSelector }, signal);
  return items.filter((it) => {
    return it.metadata?.deletionTimestamp === undefined && tryOf(it) <= job.tryNumber;
  });
}

async function deleteTaskJobs(
  call: OperatorCall,
  cluster: TaskCluster,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const given = optionalText(call, "onKillPropagationPolicy") ?? "Foreground";
  for (const it of await listTaskJobs(call, cluster, namespace, signal)) {
    if (jobProgress(it).kind !== "running") continue;
    const name = it.metadata?.name ?? "";
    const options = { propagationPolicy: given };
    await cluster.client.delete(jobs, { namespace, name }, options, signal).catch(ignoreMissing);
    call.log.line("INFO", `job ${name} is deleted`);
  }
}

function ignoreMissing(error: unknown): void {
  if (!isStatus(error, "NotFound")) throw error;
}

async function waitFor(
  call: OperatorCall,
  cluster: TaskCluster,
  job: KubernetesJob,
): Promise<OperatorResult> {
  const { input, clock } = call;
  if (input["deferrable"] === true) {
    const poll = Number(input["jobPollInterval"] ?? defaultPollSeconds) * 1_000;
    if (jobProgress(job).kind === "running") throw new Reschedule(clock.now() + poll);
    return resultOf(job);
  }
  if (input["waitUntilJobComplete"] !== true) return {};
  if (input["doXcomPush"] !== true) return resultOf(await awaitEnd(call, cluster, job, undefined));
  const outputs = new JobOutputs(call, cluster, podSettings(input).baseContainer);
  resultOf(await awaitEnd(call, cluster, job, outputs));
  return { value: await outputs.all() };
}

/** @throws {Error} with the cluster's words, when it failed. */
function resultOf(job: KubernetesJob): OperatorResult {
  const progress = jobProgress(job);
  if (progress.kind === "failed") {
    throw new Error(`job ${job.metadata?.name ?? ""} failed: ${progress.reason}`);
  }
  return { value: job.status ?? {} };
}

/** Copies the logs of its pods until it has ended. @param outputs told of the pods. */
async function awaitEnd(
  call: OperatorCall,
  cluster: TaskCluster,
  { metadata }: KubernetesJob,
  outputs: JobOutputs | undefined,
): Promise<KubernetesJob> {
  const { clock, context } = call;
  const { namespace = "", name = "" } = metadata ?? {};
  const shared = {
    client: cluster.client,
    clock,
    random: systemRandom,
    log: silentLogger,
    pauseMsMax: watchPauseMsMax,
  };
  const fieldSelector = `metadata.name=${name}`;
  const watched = new Informer<KubernetesJob>({
    ...shared,
    resource: jobs,
    namespace,
    fieldSelector,
  });
  const labelSelector = `batch.kubernetes.io/job-name=${name}`;
  const children = new Informer<Pod>({ ...shared, resource: pods, namespace, labelSelector });
  await using tasks = new TaskGroup(() => undefined);
  const copies: Promise<void>[] = [];
  const seen = new Set<string>();
  const getsLogs = call.input["getLogs"] !== false;
  children.subscribe(({ current }) => {
    const pod = current?.metadata?.name ?? "";
    if (current !== undefined) outputs?.see(current);
    if (!getsLogs || current === undefined || !hasStarted(current) || seen.has(pod)) return;
    seen.add(pod);
    copies.push(copyLogs(call, cluster, { namespace, pod }, children));
  });
  tasks.start((stop) => watched.run(stop));
  if (getsLogs || outputs !== undefined) tasks.start((stop) => children.run(stop));
  await watched.synced(context.signal);
  const look = (): KubernetesJob | undefined => watched.get(`${namespace}/${name}`);
  await watched.until(() => {
    const now = look();
    return now === undefined || jobProgress(now).kind !== "running";
  }, context.signal);
  const ended = look();
  if (ended === undefined) throw new Error(`job ${name} was deleted while the task ran`);
  await Promise.race([Promise.all(copies), clock.sleep(lastLinesMs, context.signal)]);
  return ended;
}

function hasStarted({ status }: Pod): boolean {
  return status?.phase !== undefined && status.phase !== "Pending";
}

async function copyLogs(
  call: OperatorCall,
  { client }: TaskCluster,
  at: { readonly namespace: string; readonly pod: string },
  children: Informer<Pod>,
): Promise<void> {
  const { clock, context, log, input } = call;
  const { baseContainer: container } = podSettings(input);
  const copy = new PodLog(
    { client, clock, log, hear: () => undefined, ...at, container },
    undefined,
  );
  const isOver = (): boolean => {
    const phase = children.get(`${at.namespace}/${at.pod}`)?.status?.phase;
    return phase === undefined || phase === "Succeeded" || phase === "Failed";
  };
  await copy.follow(isOver, context.signal).catch(() => undefined);
}

/** Changes a Job by a merge patch. */
export const kubernetesPatchJobOperator: Operator = {
  templated: [...podTemplated, "body"],
  async execute(call) {
    await using cluster = await openTaskCluster(call);
    const at = placeOf(call, cluster);
    const body = call.input["body"];
    if (!isJsonObject(body)) throw new Error("argument 'body' must be an object: a part of a Job");
    const patched = await cluster.client.patch(
      jobs,
      at,
      { type: "merge", body },
      call.context.signal,
    );
    call.log.line("INFO", `job ${at.name} is patched`);
    return { value: patched.metadata ?? {} };
  },
};

/** Deletes a Job, with its pods; only in a state, or once it has ended, where that is asked for. */
export const kubernetesDeleteJobOperator: Operator = {
  templated: podTemplated,
  async execute(call) {
    await using cluster = await openTaskCluster(call);
    const { input, log, context } = call;
    const at = placeOf(call, cluster);
    let job: KubernetesJob;
    try {
      job = await cluster.client.get(jobs, at, context.signal);
    } catch (error) {
      ignoreMissing(error);
      log.line("INFO", `job ${at.name} was not there`);
      return {};
    }
    if (input["waitForCompletion"] === true) job = await awaitEnd(call, cluster, job, undefined);
    const state = { complete: "Complete", failed: "Failed", running: undefined };
    const wanted = optionalText(call, "deleteOnStatus");
    if (wanted !== undefined && wanted !== state[jobProgress(job).kind]) {
      log.line("INFO", `job ${at.name} is kept: it is not ${wanted}`);
      return {};
    }
    const options = { propagationPolicy: "Foreground" };
    await cluster.client.delete(jobs, at, options, context.signal).catch(ignoreMissing);
    log.line("INFO", `job ${at.name} is deleted`);
    return {};
  },
};

function placeOf(
  call: OperatorCall,
  cluster: TaskCluster,
): { readonly namespace: string; readonly name: string } {
  const namespace = optionalText(call, "namespace") ?? cluster.namespace;
  return { namespace, name: requiredText(call, "name") };
}
