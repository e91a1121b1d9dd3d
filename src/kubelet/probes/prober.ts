import type { Pod, Probe } from "#api/gen/types.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ContainerStatus } from "#cri/runtime.ts";
import type { ProbeMetrics } from "#kubelet/metrics/probe-metrics.ts";
import { allContainersOf, type PodContainer } from "#kubelet/pod/containers.ts";
import type { ProbeResults } from "#kubelet/pod/input.ts";
import type { KubeletEvents } from "#kubelet/ports.ts";
import { askOnce, type AskOptions } from "./ask.ts";
import { initialState, nextState, probeTimes, type ProbeState, type ProbeType } from "./plan.ts";
import type { Outcome, ProbeTarget } from "./target.ts";

/** What the pod agent needs of probing. */
export interface Prober {
  /** Tells which instances there are, at each look at a pod. */
  update(pod: Pod, containers: readonly ContainerStatus[], stopping: boolean): void;
  /** By container id. */
  results(uid: string): ReadonlyMap<string, ProbeResults>;
  forget(uid: string): void;
}

/** Every container is alive and ready: for nodes whose containers are not real. */
export const noProber: Prober = {
  update: () => undefined,
  results: () => new Map(),
  forget: () => undefined,
};

export interface RunningProberOptions extends AskOptions {
  readonly events: KubeletEvents;
  readonly log: Logger;
  readonly metrics: ProbeMetrics;
  readonly podIp: (pod: Pod) => string;
  /** Hears the uid of a pod when a result changed. */
  readonly onChange: (uid: string) => void;
}

interface Watched {
  readonly uid: string;
  readonly stop: AbortController;
  readonly states: Map<ProbeType, ProbeState>;
  readonly started: Set<ProbeType>;
  pod: Pod;
}

const types: readonly ProbeType[] = ["startup", "liveness", "readiness"];
/** A probe that could not be asked at all is asked again at once so many times (upstream: 3). */
const attemptsMax = 3;

/** Runs each probe of each running container in a task of its own. Disposing it stops them all. */
export class RunningProber implements Prober, AsyncDisposable {
  readonly #options: RunningProberOptions;
  readonly #startedMs: number;
  /** By container id. */
  readonly #watched = new Map<string, Watched>();
  readonly #tasks: TaskGroup;

  constructor(options: RunningProberOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
    this.#tasks = new TaskGroup((error) => {
      const cause = error instanceof Error ? error : new Error(String(error));
      options.log.error("probe stopped", { error: cause });
    });
  }

  update(pod: Pod, containers: readonly ContainerStatus[], stopping: boolean): void {
    const uid = pod.metadata?.uid ?? "";
    const running = new Set<string>();
    for (const container of allContainersOf(pod)) {
      const instance = containers.find((it) => it.metadata.name === container.spec.name);
      if (instance?.state !== "running" || !hasProbe(container)) continue;
      running.add(instance.id);
      const watched = this.#watch(pod, container, instance);
      watched.pod = pod;
      this.#startDue(watched, container, instance, stopping);
    }
    for (const [id, watched] of this.#watched) {
      if (watched.uid === uid && !running.has(id)) this.#drop(id, watched);
    }
  }

  results(uid: string): ReadonlyMap<string, ProbeResults> {
    const results = new Map<string, ProbeResults>();
    for (const [id, watched] of this.#watched) {
      if (watched.uid !== uid) continue;
      const entries = [...watched.states].map(([type, state]) => [type, state.result]);
      results.set(id, Object.fromEntries(entries) as ProbeResults);
    }
    return results;
  }

  forget(uid: string): void {
    this.#options.metrics.forget(uid);
    for (const [id, watched] of this.#watched) if (watched.uid === uid) this.#drop(id, watched);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [id, watched] of this.#watched) this.#drop(id, watched);
    await this.#tasks[Symbol.asyncDispose]();
  }

  #watch(pod: Pod, container: PodContainer, instance: ContainerStatus): Watched {
    const known = this.#watched.get(instance.id);
    if (known !== undefined) return known;
    const states = new Map<ProbeType, ProbeState>();
    for (const type of types) {
      if (probeOf(container, type) === undefined) continue;
      states.set(type, this.#firstState(type, pod, container, instance));
    }
    const uid = pod.metadata?.uid ?? "";
    const stop = new AbortController();
    const watched: Watched = { uid, stop, states, started: new Set(), pod };
    this.#watched.set(instance.id, watched);
    return watched;
  }

  /** A container that ran before this agent began keeps what the API shows of it. */
  #firstState(
    type: ProbeType,
    pod: Pod,
    container: PodContainer,
    instance: ContainerStatus,
  ): ProbeState {
    const state = initialState(type);
    if (instance.startedAtMs >= this.#startedMs) return state;
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const shown = [...containerStatuses, ...initContainerStatuses].find(
      (it) => it.name === container.spec.name && it.containerID?.endsWith(instance.id) === true,
    );
    if (type === "startup" && shown?.started === true) {
      return { ...state, result: "success", isOver: true };
    }
    return type === "readiness" && shown?.ready === true ? { ...state, result: "success" } : state;
  }

  /** The others wait until the startup probe has passed. A pod that ends is only asked if ready. */
  #startDue(
    watched: Watched,
    container: PodContainer,
    instance: ContainerStatus,
    stopping: boolean,
  ): void {
    const startup = watched.states.get("startup")?.result ?? "success";
    for (const [type, state] of watched.states) {
      const isDue = type === "startup" || startup === "success";
      const isWanted = !stopping || type === "readiness";
      if (!isDue || !isWanted || state.isOver || watched.started.has(type)) continue;
      watched.started.add(type);
      this.#tasks.start((signal) =>
        this.#run(
          watched,
          type,
          { container, instance },
          AbortSignal.any([signal, watched.stop.signal]),
        ),
      );
    }
  }

  async #run(
    watched: Watched,
    type: ProbeType,
    {
      container,
      instance,
    }: { readonly container: PodContainer; readonly instance: ContainerStatus },
    signal: AbortSignal,
  ): Promise<void> {
    const probe = probeOf(container, type);
    if (probe === undefined) return;
    const { clock } = this.#options;
    const { initialDelayMs, periodMs, timeoutMs } = probeTimes(probe);
    try {
      const delayMs = instance.startedAtMs + initialDelayMs - clock.now();
      if (delayMs > 0) await clock.sleep(delayMs, signal);
      while (!signal.aborted) {
        const { pod } = watched;
        const podIp = this.#options.podIp(pod);
        const target = { pod, container, containerId: instance.id, podIp };
        const since = clock.monotonic();
        const outcome = await this.#ask(probe, target, timeoutMs, signal);
        const seconds = (clock.monotonic() - since) / 1_000;
        const asked = { type, container: container.spec.name };
        this.#options.metrics.answered(pod, asked, { kind: outcome.kind, seconds });
        if (this.#take(watched, type, { probe, target, outcome })) return;
        await clock.sleep(periodMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #ask(
    probe: Probe,
    target: ProbeTarget,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Outcome> {
    let outcome: Outcome = { kind: "error", output: "" };
    for (let attempt = 0; attempt < attemptsMax && outcome.kind === "error"; attempt += 1) {
      outcome = await askOnce(this.#options, { probe, target, timeoutMs }, signal);
    }
    return outcome;
  }

  /** Notes an answer; true when this probe has nothing more to ask. */
  #take(
    watched: Watched,
    type: ProbeType,
    answer: { readonly probe: Probe; readonly target: ProbeTarget; readonly outcome: Outcome },
  ): boolean {
    const { probe, target, outcome } = answer;
    const title = `${type[0]?.toUpperCase() ?? ""}${type.slice(1)}`;
    if (outcome.kind !== "success") {
      const how = outcome.kind === "error" ? "errored and resulted in unknown state" : "failed";
      const message = `${title} probe ${how}: ${outcome.output}`;
      const { container } = target;
      this.#options.events.pod(watched.pod, {
        type: "Warning",
        reason: "Unhealthy",
        message,
        container,
      });
    }
    const before = watched.states.get(type) ?? initialState(type);
    if (outcome.kind === "error") return false;
    const after = nextState(type, probe, before, outcome.kind);
    watched.states.set(type, after);
    if (after.result !== before.result) this.#options.onChange(watched.uid);
    return after.isOver;
  }

  #drop(id: string, watched: Watched): void {
    watched.stop.abort(new Error("the container ended"));
    this.#watched.delete(id);
  }
}

function hasProbe(container: PodContainer): boolean {
  return types.some((type) => probeOf(container, type) !== undefined);
}

/** Init containers have no probes; sidecars do. */
function probeOf({ spec, role }: PodContainer, type: ProbeType): Probe | undefined {
  if (role === "init" || role === "ephemeral") return undefined;
  switch (type) {
    case "startup":
      return spec.startupProbe;
    case "liveness":
      return spec.livenessProbe;
    case "readiness":
      return spec.readinessProbe;
  }
}
