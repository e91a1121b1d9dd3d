import type { ContainerStatus, Pod } from "#api/gen/types.ts";
import { childObject, childString, type Json, type JsonObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { describeError } from "#base/log.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { events, pods } from "#client/kinds.ts";
import { Informer } from "#client/informer.ts";
import { FailError, SkipError } from "#dag/authoring/context.ts";
import type { TaskCluster } from "#workflows/kubernetes/cluster.ts";
import { dnsLabel, podName } from "#workflows/kubernetes/names.ts";
import { xcomSidecar } from "#workflows/kubernetes/operator-pod.ts";
import { patiently, watchPauseMsMax } from "#workflows/kubernetes/patience.ts";
import { failureOf, podProgress } from "#workflows/kubernetes/pod-progress.ts";
import {
  Reschedule,
  type OperatorCall,
  type OperatorResult,
} from "#workflows/operators/operator.ts";
import { PodCalls } from "./pod-callbacks.ts";
import { PodLog } from "./pod-logs.ts";
import type { PodSettings } from "./settings.ts";
import { checkedLabel, deleteTaskPods, listTaskPods, namespaceOf, tryLabels } from "./task-pods.ts";
import { endSidecar, takeXcom } from "./xcom.ts";

/** For the rest of a log after its container has ended; Airflow's. */
const lastLinesMs = 120_000;
/** For a pod to end after the container that counts. */
const terminalMs = 30_000;
/** Between two notes on the pod of how far its log has been copied. */
const noteEveryMs = 5_000;
/** Less than a worker has for its end. */
const killMs = 2_500;
const loggedAnnotation = "workflows.gantry/logged-until";

/**
 * Runs a pod to its end, or goes on with the one that an earlier worker of the task has left.
 */
export async function runPod(
  call: OperatorCall,
  cluster: TaskCluster,
  pod: JsonObject,
  settings: PodSettings,
): Promise<OperatorResult> {
  const calls = await PodCalls.of(call, cluster);
  return await new PodRun(call, cluster, settings, calls).run(pod);
}

class PodRun {
  readonly #call: OperatorCall;
  readonly #cluster: TaskCluster;
  readonly #settings: PodSettings;
  readonly #calls: PodCalls;
  #at = { namespace: "", name: "" };
  #logs: PodLog[] = [];
  /** As it was seen last. */
  #seen: Pod | undefined;
  #isCleanedUp = false;

  constructor(call: OperatorCall, cluster: TaskCluster, settings: PodSettings, calls: PodCalls) {
    this.#call = call;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#calls = calls;
  }

  async run(wanted: JsonObject): Promise<OperatorResult> {
    try {
      const result = await this.#run(wanted);
      await this.#over();
      return result;
    } catch (error) {
      if (error instanceof Reschedule) throw error;
      if (this.#call.context.signal.aborted) await this.#kill(namespaceOf(wanted, this.#cluster));
      // Whatever went wrong, no pod is left that runs for nobody.
      else if (this.#seen !== undefined && !this.#isCleanedUp) {
        await this.#cleanUp(this.#seen, false);
      }
      await this.#over().catch((failure: unknown) => {
        this.#call.log.line("ERROR", `onPodCleanup failed: ${describeError(failure)}`);
      });
      throw error;
    }
  }

  /** The author is told once that nothing more happens to the pod. */
  async #over(): Promise<void> {
    const pod = this.#seen;
    this.#seen = undefined;
    if (pod !== undefined) await this.#calls.about("onPodCleanup", pod);
  }

  async #run(wanted: JsonObject): Promise<OperatorResult> {
    const { log, context, clock } = this.#call;
    const { client } = this.#cluster;
    const { signal } = context;
    await this.#findOrCreate(wanted);
    log.line("INFO", `pod ${this.#at.namespace}/${this.#at.name}`);
    const watched = new Informer<Pod>({
      client,
      clock,
      random: systemRandom,
      log: silentLogger,
      resource: pods,
      namespace: this.#at.namespace,
      fieldSelector: `metadata.name=${this.#at.name}`,
      pauseMsMax: watchPauseMsMax,
    });
    await using tasks = new TaskGroup(() => undefined);
    tasks.start((stop) => watched.run(stop));
    await watched.synced(signal);
    const look = (): Pod => this.#look(watched);
    const isGone = (): boolean =>
      watched.get(`${this.#at.namespace}/${this.#at.name}`) === undefined;
    return await this.#through(look, (holds) =>
      // A look at what is gone throws, and only this task is to hear that.
      watched.until(() => isGone() || holds(), signal),
    );
  }

  /** @throws {Error} when somebody has deleted it. */
  #look(watched: Informer<Pod>): Pod {
    const pod = watched.get(`${this.#at.namespace}/${this.#at.name}`);
    if (pod === undefined) throw new Error(`pod ${this.#at.name} was deleted while the task ran`);
    this.#seen = pod;
    return pod;
  }

  async #through(
    look: () => Pod,
    until: (holds: () => boolean) => Promise<void>,
  ): Promise<OperatorResult> {
    const { deferrable } = this.#settings;
    if (deferrable) {
      await this.#defer(look());
      await this.#calls.about("onOperatorResuming", look());
    } else {
      await this.#awaitStart(look, until);
      await this.#calls.about("onPodStarting", look());
    }
    this.#openLogs(look());
    await this.#copyLogs(look, until);
    await this.#calls.about("onPodCompletion", look());
    await this.#calls.about("onPodTeardown", look());
    const value = await this.#takeOutput(look());
    await this.#within(terminalMs, () => until(() => isTerminal(look())));
    return await this.#finish(look(), value);
  }

  async #findOrCreate(wanted: JsonObject): Promise<void> {
    const { call, namespace } = { call: this.#call, namespace: namespaceOf(wanted, this.#cluster) };
    const found = this.#settings.reattaches ? await this.#find(namespace) : undefined;
    const manifest = this.#named(wanted, namespace);
    // A deferrable task that finds its pod has only looked again.
    const isNew = found === undefined || !this.#settings.deferrable;
    if (isNew) await this.#calls.manifest(manifest);
    if (found !== undefined) {
      const { name = "" } = found.metadata ?? {};
      call.log.line("INFO", `goes on with pod ${name}, which is there already`);
    }
    const pod = found ?? (await this.#create(manifest));
    this.#at = placeOf(pod);
    this.#seen = pod;
    if (isNew) await this.#calls.about("onPodCreation", pod);
  }

  async #create(made: JsonObject): Promise<Pod> {
    const { ask, context } = this.#call;
    const { client } = this.#cluster;
    try {
      const create = (): Promise<Pod> => client.create<Pod>(pods, made, {}, context.signal);
      const pod = await this.#patiently("the pod was not created", create);
      const at = placeOf(pod);
      await ask({ kind: "push", name: "pod_name", value: at.name });
      await ask({ kind: "push", name: "pod_namespace", value: at.namespace });
      return pod;
    } catch (error) {
      if (!isStatus(error, "Invalid") && !isStatus(error, "BadRequest")) throw error;
      throw new FailError(`the pod cannot be: ${describeError(error)}`);
    }
  }

  /** While the API server is away or a quota is full, the task waits as for its pod's start. */
  async #patiently<T>(what: string, act: () => Promise<T>): Promise<T> {
    const { clock, context, log } = this.#call;
    const told = (error: unknown): void => {
      log.line("WARNING", `${what} yet: ${describeError(error)}`);
    };
    const bounds = { clock, forMs: this.#settings.startupTimeoutMs };
    return await patiently(act, bounds, told, context.signal);
  }

  #named(pod: JsonObject, namespace: string): JsonObject {
    const { job } = this.#call;
    const metadata = childObject(pod, "metadata") ?? {};
    const given = childString(metadata, "name") ?? job.taskId;
    const name = this.#settings.uniqueName ? podName(given, job.attempt) : dnsLabel(given);
    const labels = { ...childObject(metadata, "labels"), ...tryLabels(job) };
    return { ...pod, metadata: { ...metadata, name, namespace, labels } };
  }

  /** The pod that another worker has made for this task. @throws {Error} when there are several. */
  async #find(namespace: string): Promise<Pod | undefined> {
    const { job, context } = this.#call;
    const from = { namespace, tryNumber: job.freshFrom };
    const alive = await this.#patiently("the task's pods are not known", () =>
      listTaskPods(this.#call, this.#cluster, from, context.signal),
    );
    if (alive.length < 2) return alive[0];
    const names = alive.map((it) => it.metadata?.name ?? "").join(", ");
    throw new FailError(`more than one pod runs for this task: ${names}; delete all but one`);
  }

  /** Ends this look while the pod runs: the next one finds it again. */
  async #defer(pod: Pod): Promise<void> {
    const { clock, context } = this.#call;
    const progress = podProgress(pod);
    const isOver = isTerminal(pod) || ended(this.#base(pod)) !== undefined;
    if (isOver) return;
    const createdAt = Date.parse(pod.metadata?.creationTimestamp ?? "");
    if (progress.kind === "stuck") await this.#neverStarted(pod, progress.reason);
    if (progress.kind === "waiting") {
      const waited = clock.now() - createdAt;
      if (waited > this.#startLimit(pod)) await this.#neverStarted(pod, progress.reason);
    } else {
      this.#openLogs(pod);
      for (const it of this.#logs) await it.catchUp(context.signal).catch(() => undefined);
      await this.#noteLogged();
    }
    throw new Reschedule(clock.now() + this.#settings.pollIntervalMs);
  }

  async #awaitStart(
    look: () => Pod,
    until: (holds: () => boolean) => Promise<void>,
  ): Promise<void> {
    const scheduled = (): boolean => look().spec?.nodeName !== undefined;
    const started = (): boolean => podProgress(look()).kind !== "waiting";
    const { scheduleTimeoutMs, startupTimeoutMs } = this.#settings;
    const inTime =
      (await this.#within(scheduleTimeoutMs, () => until(() => scheduled() || started()))) &&
      (await this.#within(startupTimeoutMs, () => until(started)));
    const progress = podProgress(look());
    if (!inTime && progress.kind === "waiting") await this.#neverStarted(look(), progress.reason);
    if (progress.kind === "stuck") await this.#neverStarted(look(), progress.reason);
  }

  #startLimit(pod: Pod): number {
    const { scheduleTimeoutMs, startupTimeoutMs } = this.#settings;
    return pod.spec?.nodeName === undefined ? scheduleTimeoutMs : startupTimeoutMs;
  }

  async #neverStarted(pod: Pod, reason: string): Promise<never> {
    const said = `pod ${this.#at.name} did not start: ${reason}`;
    await this.#logEvents();
    await this.#cleanUp(pod, false);
    throw new Error(said);
  }

  #openLogs(pod: Pod): void {
    if (this.#logs.length > 0) return;
    const { logsOf, initLogsOf } = this.#settings;
    const { containers = [], initContainers = [] } = pod.spec ?? {};
    const chosen = (all: readonly { readonly name: string }[], of: readonly string[] | "all") =>
      all.map((it) => it.name).filter((it) => of === "all" || of.includes(it));
    const names = [...chosen(initContainers, initLogsOf), ...chosen(containers, logsOf)];
    const known = JSON.parse(pod.metadata?.annotations?.[loggedAnnotation] ?? "{}") as Partial<
      Record<string, string>
    >;
    const { clock, log } = this.#call;
    const { hear = () => undefined } = this.#settings;
    const hearOf = (container: string) => async (line: string, time: string) => {
      hear(line);
      await this.#calls.progress(line, container, time);
    };
    const { client } = this.#cluster;
    const at = { namespace: this.#at.namespace, pod: this.#at.name };
    this.#logs = names
      .filter((it) => it !== xcomSidecar.container)
      .map(
        (container) =>
          new PodLog(
            { client, clock, log, hear: hearOf(container), ...at, container },
            known[container],
          ),
      );
  }

  /** Copies logs until the container that counts has ended. */
  async #copyLogs(look: () => Pod, until: (holds: () => boolean) => Promise<void>): Promise<void> {
    const { clock, context, log } = this.#call;
    const isOver = (): boolean => isTerminal(look()) || ended(this.#base(look())) !== undefined;
    const copying = Promise.all(
      this.#logs.map((it) =>
        it.follow(isOver, context.signal).catch((error: unknown) => {
          if (!context.signal.aborted)
            log.line("WARNING", `a log broke off: ${describeError(error)}`);
        }),
      ),
    );
    await using notes = new TaskGroup(() => undefined);
    notes.start(async (signal) => {
      for (;;) {
        await clock.sleep(noteEveryMs, signal);
        await this.#noteLogged();
      }
    });
    await until(isOver);
    if (await this.#within(lastLinesMs, () => copying.then(() => undefined))) return;
    log.line("WARNING", `what was logged last could not be read within ${lastLinesMs} ms`);
  }

  /** So that another worker goes on where this one stops. */
  async #noteLogged(): Promise<void> {
    const known = this.#logs.flatMap((it) =>
      it.until === undefined ? [] : [[it.container, it.until]],
    );
    if (known.length === 0) return;
    const text = JSON.stringify(Object.fromEntries(known));
    const body = { metadata: { annotations: { [loggedAnnotation]: text } } };
    await this.#patch(body).catch(() => undefined);
  }

  async #takeOutput(pod: Pod): Promise<Json | undefined> {
    if (!this.#settings.handsOn || isTerminal(pod)) return undefined;
    const { connection } = this.#cluster;
    const { clock, context, log } = this.#call;
    let value: Json | undefined;
    if (ended(this.#base(pod))?.exitCode === 0) {
      value = await takeXcom(connection, this.#at, clock, context.signal);
      if (value === undefined) log.line("WARNING", `${xcomSidecar.file} is empty or not there`);
    }
    await endSidecar(connection, this.#at, context.signal).catch((error: unknown) => {
      log.line("WARNING", `the sidecar was not ended: ${describeError(error)}`);
    });
    return value;
  }

  async #finish(pod: Pod, value: Json | undefined): Promise<OperatorResult> {
    const code = ended(this.#base(pod))?.exitCode;
    const succeeded = code === undefined ? pod.status?.phase === "Succeeded" : code === 0;
    const skipped = code !== undefined && this.#settings.skipOnExitCodes.includes(code);
    if (!succeeded && !skipped) await this.#logEvents();
    await this.#cleanUp(pod, succeeded);
    if (skipped) throw new SkipError(`pod ${this.#at.name} ended with exit code ${code}`);
    if (!succeeded) throw new Error(`pod ${this.#at.name} failed: ${failureOf(pod)}`);
    return value === undefined ? {} : { value };
  }

  async #logEvents(): Promise<void> {
    if (!this.#settings.logsEvents) return;
    const { context, log } = this.#call;
    const { namespace, name } = this.#at;
    const fieldSelector = `involvedObject.name=${name}`;
    try {
      const list = await this.#cluster.client.list(
        events,
        { namespace, fieldSelector },
        context.signal,
      );
      for (const it of list.items) {
        log.line("WARNING", `pod event: ${it.reason ?? ""}: ${it.message ?? ""}`);
      }
    } catch (error) {
      log.line("WARNING", `the pod's events cannot be read: ${describeError(error)}`);
    }
  }

  async #cleanUp(pod: Pod, succeeded: boolean): Promise<void> {
    const { onFinish } = this.#settings;
    this.#isCleanedUp = true;
    const deletes = onFinish === "delete_pod" || (onFinish === "delete_succeeded_pod" && succeeded);
    try {
      const body = { metadata: { labels: { [checkedLabel]: "True" } } };
      if (deletes) await this.#patiently("the pod is not deleted", () => this.#delete());
      else if (pod.metadata?.labels?.[checkedLabel] === undefined) {
        await this.#patiently("the pod is not marked", () => this.#patch(body));
      }
    } catch (error) {
      if (isStatus(error, "NotFound")) return;
      this.#call.log.line("WARNING", `the pod is left behind: ${describeError(error)}`);
    }
  }

  async #patch(body: object): Promise<void> {
    const { signal } = this.#call.context;
    await this.#cluster.client.patch(pods, this.#at, { type: "merge", body }, signal);
  }

  async #delete(): Promise<void> {
    await this.#cluster.client.delete(pods, this.#at, {}, this.#call.context.signal);
  }

  /** Somebody ends the task: its pod goes with it. */
  async #kill(namespace: string): Promise<void> {
    const { clock, log } = this.#call;
    await using limit = new TaskGroup(() => undefined);
    const late = new AbortController();
    limit.start(async (signal) => {
      await clock.sleep(killMs, signal);
      late.abort(new Error("it was not deleted in time"));
    });
    try {
      await deleteTaskPods(this.#call, this.#cluster, namespace, late.signal);
    } catch (error) {
      log.line("WARNING", `the pod is left behind: ${describeError(error)}`);
    }
  }

  #base(pod: Pod): ContainerStatus | undefined {
    const { containerStatuses = [] } = pod.status ?? {};
    return containerStatuses.find((it) => it.name === this.#settings.baseContainer);
  }

  /** False when the work is not done in time; it is left alone then. */
  async #within(ms: number, work: () => Promise<void>): Promise<boolean> {
    const { clock } = this.#call;
    await using timer = new TaskGroup(() => undefined);
    const late = new Promise<boolean>((resolve) => {
      timer.start(async (signal) => {
        await clock.sleep(ms, signal);
        resolve(false);
      });
    });
    const done = work().then(() => true);
    done.catch(() => undefined);
    return await Promise.race([done, late]);
  }
}

function placeOf({ metadata }: Pod): { readonly namespace: string; readonly name: string } {
  return { namespace: metadata?.namespace ?? "default", name: metadata?.name ?? "" };
}

function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function ended(status: ContainerStatus | undefined): { readonly exitCode: number } | undefined {
  return status?.state?.terminated;
}
