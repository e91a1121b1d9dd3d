import type { Pod, PodStatus } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { compareResourceVersions } from "#client/resource-version.ts";
import { DelayedQueue } from "#reconcile/delayed-queue.ts";
import { WorkQueue } from "#reconcile/workqueue.ts";
import type { PodContext, PodState } from "./context.ts";
import { containerLabels, findContainer, podTitle } from "./containers.ts";
import { formatDuration } from "./duration.ts";
import { keyOf, type Action, type PodInput, type PodPlan } from "./input.ts";
import { Operations } from "./operations.ts";
import { perform } from "./perform.ts";
import { planPod } from "./plan.ts";
import type { StatusInput } from "./status-input.ts";
import { statusPatch } from "./status-patch.ts";
import { podStatus } from "./status.ts";

/** The operation that writes the status; the plan does not know it. */
const statusKey = "status";
const volumesKey = "volumes";
/** The same patch is not sent again within this time. */
const repeatMs = 10_000;
/** How long the watch is given to tell that the pod, of which the server knows nothing, is gone. */
const goneMs = 1_000;

/**
 * Runs the pods of one node: looks at one at a time, decides what to do, and starts it beside the
 * loop. A look never waits, so a slow image or a stuck container delays nobody else.
 */
export class PodAgent {
  readonly #context: PodContext;
  readonly #queue = new WorkQueue<string>();
  readonly #states = new Map<string, PodState>();
  #life = new AbortController().signal;
  #delayed: DelayedQueue<string> | undefined;

  constructor(context: PodContext) {
    this.#context = context;
  }

  /** Asks for a look at a pod. */
  add(uid: string): void {
    this.#queue.add(uid);
  }

  /** Something that the pod refers to changed: what waited for it is tried at once. */
  objectChanged(uid: string): void {
    const state = this.#states.get(uid);
    state?.failures.clear();
    if (state !== undefined) this.#refreshHost(state);
    this.add(uid);
  }

  /** Pods that hold resources of the node: all that are here and have not ended. */
  activePods(): readonly Pod[] {
    return [...this.#states.values()]
      .filter((it) => it.admitted && it.verdict === undefined && !it.tornDown)
      .map((it) => it.pod);
  }

  find(uid: string): Pod | undefined {
    return this.#states.get(uid)?.pod;
  }

  /**
   * Works until the signal aborts, then waits for operations under way. Containers go on running.
   * Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#life = signal;
    const { clock } = this.#context;
    this.#delayed = new DelayedQueue<string>(
      clock,
      (uid) => {
        this.add(uid);
      },
      signal,
    );
    const shutdown = (): void => {
      this.#queue.shutdown();
    };
    signal.addEventListener("abort", shutdown, { once: true });
    if (signal.aborted) shutdown();
    const stop = this.#context.ports.pods.subscribe((uid) => {
      this.add(uid);
    });
    for (const uid of this.#context.cache.uids()) this.add(uid);
    for (let uid = await this.#queue.take(); uid !== undefined; uid = await this.#queue.take()) {
      if (!signal.aborted) this.#lookSafely(uid);
      this.#queue.done(uid);
    }
    stop();
    await Promise.all([...this.#states.values()].map((it) => it.operations.settled()));
  }

  #lookSafely(uid: string): void {
    try {
      this.#look(uid);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#context.log.error("pod cannot be worked on", { pod: uid, error: cause });
    }
  }

  #look(uid: string): void {
    const state = this.#stateOf(uid);
    if (state === undefined) return;
    this.#admit(state);
    const { prober, clock } = this.#context;
    const input = this.#inputOf(state);
    const plan = planPod(input);
    state.verdict = plan.verdict;
    if (plan.stopping) {
      state.stoppingSinceMs ??= clock.now();
      state.operations.abort(isStart, "the pod ends");
    }
    prober.update(state.pod, input.observed.containers, plan.stopping);
    const deletes = plan.actions.find((it) => it.kind === "delete");
    for (const action of plan.actions) if (action !== deletes) this.#start(state, action);
    this.#tellBackoffs(state, plan);
    const isWritten = this.#writeStatus(state, plan);
    // The last status must be there before the pod goes.
    if (deletes !== undefined && isWritten) this.#start(state, deletes);
    this.#wake(state, plan);
  }

  /** The state of a pod that the API or the runtime knows; undefined when neither does. */
  #stateOf(uid: string): PodState | undefined {
    const { ports, cache } = this.#context;
    const pod = ports.pods.get(uid);
    const known = this.#states.get(uid);
    if (known !== undefined) {
      const isChanged = pod !== undefined && changesFiles(known.pod, pod);
      known.pod = pod ?? known.pod;
      known.vanished = pod === undefined;
      if (isChanged) this.#refreshHost(known);
      return known;
    }
    const described = pod ?? podFromRuntime(uid, cache.get(uid).sandboxes, this.#context);
    if (described === undefined) return undefined;
    const state = this.#newState(uid, described);
    state.vanished = pod === undefined;
    this.#states.set(uid, state);
    return state;
  }

  #newState(uid: string, pod: Pod): PodState {
    const { clock, log } = this.#context;
    return {
      uid,
      pod,
      vanished: false,
      admitted: false,
      operations: new Operations({
        clock,
        onSettled: () => {
          this.add(uid);
        },
        onError: (key, error) => {
          if (this.#life.aborted) return;
          const cause = error instanceof Error ? error : new Error(String(error));
          log.error("operation failed", { pod: uid, operation: key, error: cause });
        },
      }),
      failures: new Map(),
      killDeadlines: new Map(),
      replaced: new Set(),
      stoppedSandboxes: new Set(),
      verdict: undefined,
      stoppingSinceMs: undefined,
      tornDown: false,
      sandboxAttemptMin: 0,
      sandboxFailures: 0,
      toldBackoffs: new Map(),
      written: undefined,
      lastPatch: undefined,
    };
  }

  /** A pod that is new to the node is checked once; one that runs here already was. */
  #admit(state: PodState): void {
    if (state.admitted || state.vanished) return;
    const { cache, admit, ports } = this.#context;
    const isKnown = cache.get(state.uid).sandboxes.length > 0;
    const phase = state.pod.status?.phase ?? "Pending";
    const isEnding =
      state.pod.metadata?.deletionTimestamp !== undefined ||
      phase === "Failed" ||
      phase === "Succeeded";
    const verdict = isKnown || isEnding ? undefined : admit(state.pod);
    state.admitted = true;
    if (verdict === undefined) return;
    const { reason, message } = verdict;
    state.verdict = { reason, message: `Pod was rejected: ${message}`, isRejection: true };
    ports.events.pod(state.pod, { type: "Warning", reason, message });
  }

  #inputOf(state: PodState): PodInput {
    const { cache, prober, clock } = this.#context;
    const observed = cache.get(state.uid);
    const status = this.#knownStatus(state);
    return {
      pod: { ...state.pod, status },
      vanished: state.vanished,
      observed,
      probes: prober.results(state.uid),
      failures: state.failures,
      busy: state.operations.busy(),
      killDeadlines: state.killDeadlines,
      replaced: state.replaced,
      verdict: state.verdict,
      stoppingSinceMs: state.stoppingSinceMs,
      stoppedSandboxes: state.stoppedSandboxes,
      sandboxAttemptMin: state.sandboxAttemptMin,
      tornDown: state.tornDown,
      nowMs: clock.now(),
    };
  }

  /** The newer of what the API showed and what we wrote. */
  #knownStatus({ pod, written }: PodState): PodStatus {
    const shown = pod.metadata?.resourceVersion ?? "";
    if (written === undefined) return pod.status ?? {};
    const isBehind = compareResourceVersions(shown, written.resourceVersion) < 0;
    return isBehind ? written.status : (pod.status ?? {});
  }

  #start(state: PodState, action: Action): void {
    const key = keyOf(action);
    if (action.kind === "kill") {
      const deadlineMs = this.#context.clock.now() + action.graceSeconds * 1000;
      state.killDeadlines.set(action.containerId, deadlineMs);
    }
    const operation = { context: this.#context, state, life: this.#life };
    state.operations.start(
      key,
      async (signal) => {
        await perform(operation, action, signal);
        if (action.kind === "forget") this.#forget(state);
        if (action.kind === "remove-container") state.killDeadlines.delete(action.id);
      },
      this.#life,
    );
  }

  /** Once for each wait. */
  #tellBackoffs(state: PodState, plan: PodPlan): void {
    for (const [name, { untilMs }] of plan.backoffs) {
      if (state.toldBackoffs.get(name) === untilMs) continue;
      state.toldBackoffs.set(name, untilMs);
      const message = `Back-off restarting failed container ${name} in pod ${podTitle(state.pod)}`;
      const container = findContainer(state.pod, name);
      const event = { type: "Warning", reason: "BackOff", message, container };
      this.#context.ports.events.pod(state.pod, event);
    }
  }

  #forget(state: PodState): void {
    this.#states.delete(state.uid);
    this.#context.prober.forget(state.uid);
    this.#context.ports.objects.release(state.uid);
  }

  /** True when the API shows the status that holds now. */
  #writeStatus(state: PodState, plan: PodPlan): boolean {
    if (state.vanished) return false;
    const input = this.#inputOf(state);
    const previous = input.pod.status ?? {};
    const status = podStatus(this.#statusInput(state, input, plan));
    const patch = statusPatch(state.uid, previous, status);
    if (patch === undefined) return true;
    if (input.busy.has(statusKey)) return false;
    const text = JSON.stringify(patch);
    const waitMs = repeatMs - (input.nowMs - (state.lastPatch?.atMs ?? 0));
    if (state.lastPatch?.text === text && waitMs > 0) {
      // The server took this patch and shows something else: it keeps a field from us, and asking
      // without pause would not change that.
      this.#delayed?.add(state.uid, waitMs);
      return true;
    }
    state.operations.start(
      statusKey,
      async (signal) => {
        await this.#sendStatus(state, patch, signal);
        state.lastPatch = { text, atMs: input.nowMs };
      },
      this.#life,
    );
    return false;
  }

  async #sendStatus(state: PodState, patch: JsonObject, signal: AbortSignal): Promise<void> {
    const { namespace = "", name = "" } = state.pod.metadata ?? {};
    const { api } = this.#context.ports;
    const stored = await api.patchPodStatus({ namespace, name }, patch, signal);
    if (stored === undefined) state.operations.hold(statusKey, goneMs);
    else state.written = stored;
  }

  #statusInput(state: PodState, input: PodInput, plan: PodPlan): StatusInput {
    const { runtimeName, node } = this.#context;
    const waiting = new Map<string, { reason: string; message: string }>();
    for (const [name, { reason, message }] of state.failures) {
      if (reason !== "") waiting.set(name, { reason, message });
    }
    const pod = podTitle(state.pod);
    for (const [name, { backoffMs }] of plan.backoffs) {
      const delay = formatDuration(backoffMs);
      const message = `back-off ${delay} restarting failed container=${name} pod=${pod}`;
      waiting.set(name, { reason: "CrashLoopBackOff", message });
    }
    return {
      ...input,
      verdict: state.verdict,
      previous: input.pod.status ?? {},
      stopping: plan.stopping,
      waiting,
      runtimeName,
      hostIps: node().hostIps,
    };
  }

  #wake(state: PodState, plan: PodPlan): void {
    const { clock } = this.#context;
    const heldMs = state.operations.untilFreeMs();
    if (heldMs !== undefined) this.#delayed?.add(state.uid, heldMs);
    if (plan.wakeAtMs !== undefined) this.#delayed?.add(state.uid, plan.wakeAtMs - clock.now());
  }

  /** Brings the content of volumes up to date, beside everything else. */
  #refreshHost(state: PodState): void {
    const { host, cache } = this.#context;
    const isEnding = state.tornDown || state.stoppingSinceMs !== undefined;
    if (isEnding || cache.get(state.uid).sandboxes.length === 0) return;
    state.operations.start(volumesKey, (signal) => host.prepare(state.pod, signal), this.#life);
  }
}

/** Operations that a pod which ends has no use for. */
function isStart(key: string): boolean {
  return key === "sandbox" || key === volumesKey || key.startsWith("start:");
}

/** Whether files made of the pod's own fields are to be written again. */
function changesFiles(before: Pod, after: Pod): boolean {
  const fields = ({ metadata }: Pod): string =>
    JSON.stringify([metadata?.labels, metadata?.annotations]);
  return before !== after && fields(before) !== fields(after);
}

/** What the runtime's labels tell of a pod that the API no longer has. */
function podFromRuntime(
  uid: string,
  sandboxes: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
  }[],
  context: PodContext,
): Pod | undefined {
  const metadata = sandboxes[0]?.metadata;
  const labels = context.cache.get(uid).containers[0]?.labels;
  const name = metadata?.name ?? labels?.[containerLabels.podName];
  const namespace = metadata?.namespace ?? labels?.[containerLabels.podNamespace];
  if (name === undefined || namespace === undefined) return undefined;
  return { metadata: { name, namespace, uid }, spec: { containers: [] } };
}
