import type { Pod } from "#api/gen/types.ts";
import { DelayedQueue } from "#reconcile/delayed-queue.ts";
import { WorkQueue } from "#reconcile/workqueue.ts";
import type { PodWork } from "#kubelet/metrics/kubelet-metrics.ts";
import { recoveredActuation, recoveredAllocation, withAllocation } from "./allocation.ts";
import type { PodContext, PodState } from "./context.ts";
import { containerLabels, findContainer, podTitle } from "./containers.ts";
import {
  keyOf,
  operationKey,
  type Action,
  type PodInput,
  type PodPlan,
  type Verdict,
} from "./input.ts";
import { Operations } from "./operations.ts";
import { perform } from "./perform.ts";
import { isTerminal } from "./phase.ts";
import { planPod } from "./plan.ts";
import { noResize } from "./resize.ts";
import { Resizer } from "./resizer.ts";
import { takesRoom } from "./room.ts";
import { knownStatus, StatusWriter } from "./status-writer.ts";

const volumesKey = "volumes";

/**
 * Runs the pods of one node: looks at one at a time, decides what to do, and starts it beside the
 * loop. A look never waits, so a slow image or a stuck container delays nobody else.
 */
export class PodAgent {
  readonly #context: PodContext;
  readonly #queue = new WorkQueue<string>();
  readonly #states = new Map<string, PodState>();
  readonly #resizer: Resizer;
  readonly #statuses: StatusWriter;
  /** Who waits for pods to end, by uid. */
  readonly #waiting = new Map<string, ((value: undefined) => void)[]>();
  #life = new AbortController().signal;
  #delayed: DelayedQueue<string> | undefined;

  constructor(context: PodContext) {
    this.#context = context;
    const later = (uid: string, delayMs: number): void => {
      this.#delayed?.add(uid, delayMs);
    };
    this.#statuses = new StatusWriter(context, later);
    this.#resizer = new Resizer(context, {
      states: () => this.#states.values(),
      others: (state) => this.#others(state),
      add: (uid) => {
        this.add(uid);
      },
      later,
    });
  }

  /** Asks for a look at a pod. */
  add(uid: string): void {
    this.#queue.add(uid);
  }

  /** All pods of the API are known from now on: those that run here and are not among them end. */
  podsComplete(): void {
    for (const uid of [...this.#context.cache.uids(), ...this.#states.keys()]) this.add(uid);
  }

  /** Something that the pod refers to changed: what waited for it is tried at once. */
  objectChanged(uid: string): void {
    const state = this.#states.get(uid);
    state?.failures.clear();
    if (state !== undefined) this.#refreshHost(state);
    this.add(uid);
  }

  /**
   * Pods that hold resources of the node, with what they were granted: all that are here and have
   * not ended.
   */
  activePods(): readonly Pod[] {
    return this.#active().map((it) => it.pod);
  }

  #active(): readonly PodState[] {
    return [...this.#states.values()].filter(
      (it) => it.admitted && it.verdict === undefined && !it.tornDown,
    );
  }

  /** Whose room a pod has to leave: the other active pods, as far as the API shows them so. */
  #others(state: PodState): readonly Pod[] {
    const { pods } = this.#context.ports;
    const there = this.#active().filter((it) => it !== state && takesRoom(pods.get(it.uid)));
    return there.map((it) => it.pod);
  }

  /** Ends a pod for the reason given; false when it is not here, or ends already. */
  end(uid: string, verdict: Verdict): boolean {
    const state = this.#states.get(uid);
    if (state === undefined || state.verdict !== undefined) return false;
    if (state.stoppingSinceMs !== undefined && verdict.graceSeconds === undefined) return false;
    state.verdict = verdict;
    this.add(uid);
    return true;
  }

  /** Resolves when the pod has ended and the API shows it. Rejects when aborted. */
  async ended(uid: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.set(uid, [...(this.#waiting.get(uid) ?? []), resolve]);
    this.add(uid);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #tellEnded(uid: string): void {
    for (const resolve of this.#waiting.get(uid) ?? []) resolve(undefined);
    this.#waiting.delete(uid);
  }

  /** True when the pod is not here, or has given back what it had. */
  hasEnded(uid: string): boolean {
    return this.#states.get(uid)?.tornDown ?? true;
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
    this.podsComplete();
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
    if (state === undefined) {
      this.#tellEnded(uid);
      return;
    }
    if (!this.#isJudged(state)) return;
    this.#resizer.allocate(state);
    const { prober, clock } = this.#context;
    const input = this.#inputOf(state);
    this.#resizer.end(state, input);
    const plan = planPod(input);
    this.#tellDeadline(state, plan);
    state.verdict = plan.verdict;
    if (plan.stopping) {
      state.stoppingSinceMs ??= clock.now();
      state.operations.abort(isStart, "the pod ends");
    }
    prober.update(state.pod, input.observed.containers, plan.stopping);
    const deletes = plan.actions.find((it) => it.kind === "delete");
    for (const action of plan.actions) if (action !== deletes) this.#start(state, action);
    this.#tellBackoffs(state, plan);
    const isWritten = this.#statuses.write(
      { state, input: this.#inputOf(state), plan },
      this.#life,
    );
    if (state.tornDown && isWritten) this.#tellEnded(uid);
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
      const isChanged = pod !== undefined && changesFiles(known.desired, pod);
      known.desired = pod ?? known.desired;
      known.pod = withAllocation(known.desired, known.allocation);
      known.vanished = pod === undefined && ports.pods.isComplete;
      if (isChanged) this.#refreshHost(known);
      return known;
    }
    if (pod === undefined && !ports.pods.isComplete) return undefined;
    const described = pod ?? podFromRuntime(uid, cache.get(uid).sandboxes, this.#context);
    if (described === undefined) return undefined;
    const state = this.#newState(uid, described);
    state.vanished = pod === undefined;
    this.#states.set(uid, state);
    return state;
  }

  #newState(uid: string, pod: Pod): PodState {
    const { clock, log } = this.#context;
    const allocation = recoveredAllocation(pod);
    return {
      uid,
      desired: pod,
      pod: withAllocation(pod, allocation),
      allocation,
      resize: noResize,
      actuated: recoveredActuation(pod),
      vanished: false,
      seenAt: clock.monotonic(),
      admitted: false,
      nodeAsked: "no",
      operations: new Operations({
        clock,
        onSettled: () => {
          this.add(uid);
        },
        onError: (key, error) => {
          if (this.#life.aborted) return;
          const cause = error instanceof Error ? error : new Error(String(error));
          log.error("operation failed", { pod: uid, operation: key, error: cause });
          const state = this.#states.get(uid);
          if (key === operationKey.resize && state !== undefined) this.#resizer.fail(state, error);
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
      networkReady: undefined,
      sandboxFailures: 0,
      toldBackoffs: new Map(),
      written: undefined,
      lastPatch: undefined,
    };
  }

  /** A pod that is new to the node is checked once; one that runs here already was. */
  #isJudged(state: PodState): boolean {
    if (state.admitted || state.vanished) return true;
    const { cache, admit, ports } = this.#context;
    const isKnown = cache.get(state.uid).sandboxes.length > 0;
    const phase = state.pod.status?.phase ?? "Pending";
    const isEnding = state.pod.metadata?.deletionTimestamp !== undefined || isTerminal(phase);
    const verdict = isKnown || isEnding ? undefined : admit(state.pod, this.#others(state));
    if (verdict?.reason === "NodeAffinity" && state.nodeAsked !== "answered") {
      this.#askNode(state);
      return false;
    }
    state.admitted = true;
    if (verdict === undefined) return true;
    const { reason, message } = verdict;
    state.verdict = { reason, message: `Pod was rejected: ${message}`, isRejection: true };
    this.#context.metrics.rejected(reason);
    ports.events.pod(state.pod, { type: "Warning", reason, message });
    return true;
  }

  /** The scheduler may know labels of the node that the node has not seen yet. */
  #askNode(state: PodState): void {
    if (state.nodeAsked === "asking") return;
    state.nodeAsked = "asking";
    const ask = async (signal: AbortSignal): Promise<void> => {
      try {
        await this.#context.refreshNode(signal);
      } finally {
        state.nodeAsked = "answered";
      }
    };
    state.operations.start(operationKey.node, ask, this.#life);
  }

  #inputOf(state: PodState): PodInput {
    const { cache, prober, clock } = this.#context;
    const observed = cache.get(state.uid);
    const status = knownStatus(state);
    return {
      pod: { ...state.pod, status },
      vanished: state.vanished,
      observed,
      probes: prober.results(state.uid),
      failures: state.failures,
      actuated: state.actuated,
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
        const { clock, metrics, log } = this.#context;
        const since = clock.monotonic();
        log.debug("pod action", { pod: podTitle(state.pod), action: key });
        await perform(operation, action, signal);
        metrics.worked(workOf(action), (clock.monotonic() - since) / 1_000);
        this.#performed(state, action);
      },
      this.#life,
    );
  }

  #performed(state: PodState, action: Action): void {
    if (action.kind === "forget") this.#forget(state);
    if (action.kind === "tear-down") this.#resizer.retry();
    if (action.kind !== "remove-container") return;
    state.killDeadlines.delete(action.id);
    state.actuated.containers.delete(action.id);
  }

  #tellDeadline({ pod, verdict }: PodState, plan: PodPlan): void {
    if (verdict !== undefined || plan.verdict?.reason !== "DeadlineExceeded") return;
    const { reason, message } = plan.verdict;
    this.#context.ports.events.pod(pod, { type: "Normal", reason, message });
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
    this.#tellEnded(state.uid);
    this.#states.delete(state.uid);
    this.#context.prober.forget(state.uid);
    this.#context.ports.objects.release(state.uid);
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

function workOf({ kind }: Action): PodWork {
  if (kind === "create-sandbox" || kind === "start") return "create";
  return kind === "resize" ? "update" : "terminate";
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
