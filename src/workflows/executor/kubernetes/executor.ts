import { readFile } from "node:fs/promises";
import type { Pod } from "#api/gen/types.ts";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Client } from "#client/client.ts";
import { Informer } from "#client/informer.ts";
import { pods } from "#client/kinds.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { safeLabel } from "#workflows/kubernetes/names.ts";
import { mayPass, watchPauseMsMax } from "#workflows/kubernetes/patience.ts";
import { nodeAnswersFor, podLogTail } from "#workflows/kubernetes/pod-log.ts";
import { podProgress } from "#workflows/kubernetes/pod-progress.ts";
import type { WorkerEndpoint } from "#workflows/remote/endpoint.ts";
import type { AttemptResult, Job } from "#workflows/worker/protocol.ts";
import { judgeTry } from "./plan.ts";
import type { KubernetesSettings } from "./settings.ts";
import {
  defaultTemplate,
  parseTemplate,
  workerLabels,
  workerNamespace,
  workerPod,
  workerPodName,
} from "./worker-pod.ts";

export interface KubernetesPorts {
  readonly client: Client;
  readonly endpoint: WorkerEndpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Between two looks at what should have happened and has not. */
const sweepMs = 1_000;
/** A pod whose task has ended may take so long to end by itself. */
const leaveMs = 10_000;
const retryMs = 1_000;
/** A pod may have to wait for room for so long; its worker comes with the token that it was made with. */
const tokenMs = 7 * 24 * 3_600_000;
/** Between two looks for pods of tasks that have ended which nobody came to delete. */
const tidyMs = 300_000;
/** Seconds that a pod that is deleted has to end. */
const graceSeconds = 5;

/** One pod and its task. */
interface Try {
  readonly job: Job;
  readonly name: string;
  namespace: string;
  /** When it was asked for, adopted, got a node, or began to run; monotonic. */
  since: number;
  isPlaced: boolean;
  isRunning: boolean;
  /** Its worker has been here. */
  hasCome: boolean;
  awaySince: number | undefined;
  /** Its node is being asked about it. */
  isAsked: boolean;
  /** Monotonic; undefined while its end has not been told. */
  endedAt: number | undefined;
  succeeded: boolean;
  /** Why its pod is not there yet. */
  waitsFor: string;
}

/** Runs each job in a pod of its own. Pods go on without the scheduler, and are found again. */
export class KubernetesExecutor implements Executor {
  readonly #settings: KubernetesSettings;
  readonly #ports: KubernetesPorts;
  readonly #events: JobEvents;
  readonly #owner: string;
  readonly #tries = new Map<string, Try>();
  /** By the pod's namespace and name. */
  readonly #byPod = new Map<string, Try>();
  readonly #toCreate: Try[] = [];
  #creating = 0;
  readonly #tasks: TaskGroup;

  /** @param scheduler the id of the scheduler that it belongs to. */
  constructor(
    settings: KubernetesSettings,
    ports: KubernetesPorts,
    events: JobEvents,
    scheduler: string,
  ) {
    this.#settings = settings;
    this.#ports = ports;
    this.#events = events;
    this.#owner = scheduler;
    this.#tasks = new TaskGroup((error) => {
      ports.log.error("the Kubernetes executor failed", { error: error as Error });
    });
    const informer = new Informer<Pod>({
      ...ports,
      resource: pods,
      pauseMsMax: watchPauseMsMax,
      namespace: settings.multiNamespaceMode ? undefined : settings.namespace,
      labelSelector: `${workerLabels.kind}=True,${workerLabels.owner}=${safeLabel(scheduler)},${workerLabels.done}!=True`,
    });
    informer.subscribe(({ key, current }) => {
      const found = this.#byPod.get(key);
      if (found !== undefined) this.#see(found, current);
    });
    this.#tasks.start((signal) => informer.run(signal));
    this.#tasks.start((signal) => this.#sweep(signal));
    this.#tasks.start((signal) => this.#tidy(signal));
  }

  free(): number {
    return this.#settings.parallelism - this.attempts().length;
  }

  waits(): ReadonlyMap<string, string> {
    const open = [...this.#tries.values()].filter((it) => it.endedAt === undefined && !it.hasCome);
    return new Map(open.map((it) => [it.job.attempt, this.#waitOf(it)]));
  }

  #waitOf(it: Try): string {
    return it.isRunning
      ? `pod ${it.name} runs, and its worker has not come to ${this.#settings.workerUrl} yet`
      : `pod ${it.name} in ${it.namespace}: ${it.waitsFor}`;
  }

  attempts(): readonly string[] {
    const open = [...this.#tries.values()].filter((it) => it.endedAt === undefined);
    return open.map((it) => it.job.attempt);
  }

  outlives(): boolean {
    return true;
  }

  start(job: Job): void {
    this.#toCreate.push(this.#add(job));
    this.#create();
  }

  adopt(job: Job): void {
    const adopted = this.#add(job);
    this.#tasks.start((signal) => this.#find(adopted, signal));
  }

  cancel(attempt: string, reason: string): void {
    const found = this.#tries.get(attempt);
    if (found === undefined || found.endedAt !== undefined) return;
    this.#end(found, { kind: "failed", error: reason, retry: true });
    this.#tasks.start((signal) => this.#delete(found, signal));
  }

  /** Pods are left to run; the scheduler that comes after this one takes them over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  #add(job: Job): Try {
    const added: Try = {
      job,
      name: workerPodName(job),
      namespace: this.#settings.namespace,
      since: this.#ports.clock.monotonic(),
      isPlaced: false,
      isRunning: false,
      hasCome: false,
      awaySince: undefined,
      isAsked: false,
      endedAt: undefined,
      succeeded: false,
      waitsFor: "it has not been created",
    };
    this.#tries.set(job.attempt, added);
    const stored: (() => void)[] = [];
    this.#ports.endpoint.expect(job, {
      connected: () => {
        added.hasCome = true;
        added.awaySince = undefined;
      },
      silent: () => {
        added.awaySince = this.#ports.clock.monotonic();
      },
      ended: (result, acknowledge) => {
        stored.push(acknowledge);
        if (added.endedAt !== undefined) return;
        this.#settle(added, result, () => {
          for (const it of stored) it();
          this.#ports.endpoint.forget(job.attempt);
        });
      },
    });
    return added;
  }

  /** Tells the end of a try, once. */
  #settle(it: Try, result: AttemptResult, stored: () => void): void {
    if (it.endedAt !== undefined) return;
    it.endedAt = this.#ports.clock.monotonic();
    it.succeeded = result.kind !== "failed";
    this.#events.ended(it.job, result, stored);
  }

  /** An end that no worker has told. */
  #end(it: Try, result: AttemptResult): void {
    this.#settle(it, result, () => undefined);
    this.#ports.endpoint.forget(it.job.attempt);
  }

  #create(): void {
    while (this.#creating < this.#settings.creationBatchSize) {
      const next = this.#toCreate.shift();
      if (next === undefined) return;
      this.#creating += 1;
      this.#tasks.start(async (signal) => {
        try {
          await this.#createOne(next, signal);
        } finally {
          this.#creating -= 1;
          this.#create();
        }
      });
    }
  }

  async #createOne(it: Try, signal: AbortSignal): Promise<void> {
    const { clock, client, endpoint } = this.#ports;
    const { workerUrl: url, certificateAuthority } = this.#settings;
    for (;;) {
      if (hasEnded(it)) return;
      try {
        const template = await this.#template(it.job);
        const access = { url, certificateAuthority, token: await endpoint.token(it.job, tokenMs) };
        const pod = workerPod(it.job, template, this.#podSettings(), access);
        this.#place(it, pod);
        it.since = clock.monotonic();
        const made = await client.create<Pod>(pods, pod, {}, signal);
        if (hasEnded(it)) await this.#delete(it, signal);
        else this.#see(it, made);
        return;
      } catch (error) {
        if (isAlreadyThere(error)) return;
        signal.throwIfAborted();
        it.waitsFor = describeError(error);
        if (!mayPass(error)) {
          this.#fail(it, `its pod: ${it.waitsFor}`);
          return;
        }
      }
      await clock.sleep(retryMs, signal);
    }
  }

  async #template({ task }: Job): Promise<JsonObject> {
    const file =
      childString(task.executorConfig, "podTemplateFile") ?? this.#settings.podTemplateFile;
    return file === undefined ? defaultTemplate : parseTemplate(await readFile(file, "utf8"), file);
  }

  #podSettings(): { namespace: string; image: string; scheduler: string } {
    const { namespace, image } = this.#settings;
    return { namespace, image, scheduler: this.#owner };
  }

  #place(it: Try, pod: JsonObject): void {
    it.namespace = childString(childObject(pod, "metadata"), "namespace") ?? it.namespace;
    this.#byPod.set(`${it.namespace}/${it.name}`, it);
  }

  /** Finds the pod of a try that another scheduler has started. */
  async #find(it: Try, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#ports;
    for (;;) {
      try {
        it.namespace = workerNamespace(it.job, await this.#template(it.job), this.#podSettings());
        this.#byPod.set(`${it.namespace}/${it.name}`, it);
        const body = { metadata: { labels: { [workerLabels.owner]: safeLabel(this.#owner) } } };
        this.#see(it, await client.patch<Pod>(pods, it, { type: "merge", body }, signal));
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (isStatus(error, "NotFound")) {
          this.#end(it, { kind: "lost", reason: "the scheduler ended before its pod was there" });
          return;
        }
        it.waitsFor = describeError(error);
      }
      await clock.sleep(retryMs, signal);
    }
  }

  /** Takes in how a pod is; undefined when it is gone. */
  #see(it: Try, pod: Pod | undefined): void {
    if (pod === undefined) {
      this.#byPod.delete(`${it.namespace}/${it.name}`);
      if (it.endedAt === undefined) this.#fail(it, `pod ${it.name} was deleted`);
      this.#tries.delete(it.job.attempt);
      return;
    }
    const progress = podProgress(pod);
    if (!it.isPlaced && pod.spec?.nodeName !== undefined) {
      it.isPlaced = true;
      it.since = this.#ports.clock.monotonic();
    }
    switch (progress.kind) {
      case "waiting":
        it.waitsFor = progress.reason;
        return;
      case "running":
        if (!it.isRunning) it.since = this.#ports.clock.monotonic();
        it.isRunning = true;
        return;
      case "succeeded":
        // The worker goes only when its result is stored; whatever this says then changes nothing.
        this.#end(it, { kind: "lost", reason: `pod ${it.name} ended without a result` });
        break;
      case "stuck":
      case "failed":
        this.#fail(it, `pod ${it.name}${deletedBy(pod)}: ${progress.reason}`);
    }
    this.#tasks.start((signal) => this.#cleanUp(it, signal));
  }

  #fail(it: Try, error: string): void {
    this.#end(it, { kind: "failed", error, retry: true, killed: true });
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    for (;;) {
      await clock.sleep(sweepMs, signal);
      const now = clock.monotonic();
      const tries = [...this.#tries.values()];
      const isBusy = tries.some((it) => it.isPlaced && !hasEnded(it));
      for (const it of tries) {
        if (it.endedAt === undefined) this.#judge(it, now, isBusy);
        else if (now - it.endedAt > leaveMs) {
          it.endedAt = now;
          this.#tasks.start((stop) => this.#cleanUp(it, stop));
        }
      }
    }
  }

  /** Ends a try about which nothing is heard for too long. */
  #judge(it: Try, now: number, isBusy: boolean): void {
    const { pendingTimeoutMs, workerUrl } = this.#settings;
    switch (judgeTry(it, { now, isBusy, pendingTimeoutMs })) {
      case "goes on":
        return;
      case "worker silent":
        this.#askNode(it);
        return;
      case "worker lost":
        this.#fail(it, lostReason(it));
        break;
      case "worker not come": {
        const reason = `pod ${it.name} runs, but its worker has not come to ${workerUrl}: can pods reach it?`;
        this.#tasks.start(async (signal) => {
          const said = await podLogTail(this.#ports.client, it, signal);
          this.#fail(it, `${reason}${said}`);
          await this.#delete(it, signal);
        });
        return;
      }
      case "not started": {
        const within = `within ${pendingTimeoutMs} ms`;
        this.#fail(it, `pod ${it.name} has not started ${within}: ${it.waitsFor}`);
      }
    }
    this.#tasks.start((signal) => this.#delete(it, signal));
  }

  /**
   * A worker that is silent is lost if its node is, too. A node that answers for the pod would have said
   * that its container has ended: then the worker only has no processor at present.
   */
  #askNode(it: Try): void {
    if (it.isAsked) return;
    it.isAsked = true;
    this.#tasks.start(async (signal) => {
      try {
        if (await nodeAnswersFor(this.#ports.client, it, signal)) return;
        if (it.awaySince === undefined) return;
        this.#fail(it, lostReason(it));
        await this.#delete(it, signal);
      } finally {
        it.isAsked = false;
      }
    });
  }

  /** A worker that succeeded has handed its result over, so that nobody needs its pod any more. */
  async #tidy(signal: AbortSignal): Promise<void> {
    const { clock, client, log } = this.#ports;
    const { multiNamespaceMode, namespace } = this.#settings;
    for (;;) {
      try {
        const { items } = await client.list(
          pods,
          {
            namespace: multiNamespaceMode ? undefined : namespace,
            labelSelector: `${workerLabels.kind}=True,${workerLabels.done}!=True`,
            fieldSelector: "status.phase=Succeeded",
          },
          signal,
        );
        for (const { metadata } of items) {
          const at = { name: metadata?.name ?? "", namespace: metadata?.namespace ?? namespace };
          if (this.#byPod.has(`${at.namespace}/${at.name}`)) continue;
          await this.#dispose(at, this.#settings.deleteWorkerPods, signal);
        }
      } catch (error) {
        signal.throwIfAborted();
        log.error("pods that were left behind are not tidied up", { error: error as Error });
      }
      await clock.sleep(tidyMs, signal);
    }
  }

  /** Deletes the pod of a try that has ended, or marks it as done, as the settings say. */
  async #cleanUp(it: Try, signal: AbortSignal): Promise<void> {
    const { deleteWorkerPods, deleteWorkerPodsOnFailure } = this.#settings;
    const deletes = deleteWorkerPods && (it.succeeded || deleteWorkerPodsOnFailure);
    await this.#dispose(it, deletes, signal);
    this.#drop(it);
  }

  async #delete(it: Try, signal: AbortSignal): Promise<void> {
    await this.#dispose(it, true, signal);
    this.#drop(it);
  }

  async #dispose(
    at: { readonly namespace: string; readonly name: string },
    deletes: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, log } = this.#ports;
    const body = { metadata: { labels: { [workerLabels.done]: "True" } } };
    try {
      if (deletes) await client.delete(pods, at, { gracePeriodSeconds: graceSeconds }, signal);
      else await client.patch(pods, at, { type: "merge", body }, signal);
    } catch (error) {
      if (signal.aborted || isStatus(error, "NotFound")) return;
      log.error("a worker's pod is left behind", { error: error as Error });
    }
  }

  #drop(it: Try): void {
    this.#tries.delete(it.job.attempt);
    this.#byPod.delete(`${it.namespace}/${it.name}`);
  }
}

/** Asked after each wait: what has ended meanwhile is left alone. */
function hasEnded(it: Try): boolean {
  return it.endedAt !== undefined;
}

function lostReason({ name }: Try): string {
  return `the worker in pod ${name} was lost`;
}

/** A pod that is deleted ends as one that fails, before it is gone. */
function deletedBy(pod: Pod): string {
  return pod.metadata?.deletionTimestamp === undefined ? "" : " was deleted";
}

function isAlreadyThere(error: unknown): boolean {
  return isStatus(error, "AlreadyExists");
}
