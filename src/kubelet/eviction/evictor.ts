import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Verdict } from "#kubelet/pod/input.ts";
import type { KubeletEvents } from "#kubelet/ports.ts";
import { limitsLocalStorage, localStorageProblem } from "./local-storage.ts";
import { measurePod, measureStorage, type MeasurePorts } from "./measure.ts";
import { initialEvictionState, planEviction, type Pressure, type Reclaim } from "./plan.ts";
import { evictionMessage, isCritical, rankPods, type PodUsage } from "./rank.ts";
import type { Observation, Signal, Threshold } from "./thresholds.ts";

/** Upstream's: every ten seconds, and time for an evicted pod to give back what it has. */
const lookMs = 10_000;
const settleMsMax = 30_000;
/** A pod that must go at once has this long. */
const hardGraceSeconds = 1;

export interface EvictionLimits {
  readonly thresholds: readonly Threshold[];
  /** How long a node condition stays after the shortage. */
  readonly transitionMs: number;
  /** Longest grace period of a soft eviction, in seconds; 0 ends pods at once. */
  readonly softGraceSecondsMax: number;
}

export interface EvictorOptions extends MeasurePorts {
  readonly limits: EvictionLimits;
  readonly observe: () => Promise<ReadonlyMap<Signal, Observation>>;
  readonly activePods: () => readonly Pod[];
  /** Ends a pod; false when it has ended already. */
  readonly end: (uid: string, verdict: Verdict) => boolean;
  /** Hears why a pod was ended: the signal, or `ephemeralpodfs.limit` for the pod's own. */
  readonly evicted: (eviction: string) => void;
  /** Resolves when the pod has given back what it had. */
  readonly hasEnded: (uid: string) => boolean;
  /** Frees disk that no pod uses: images. */
  readonly freeDisk: (signal: AbortSignal) => Promise<void>;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Ends pods when the node runs short of something, or when they are above limits of their own. */
export class Evictor {
  readonly #options: EvictorOptions;
  #state = initialEvictionState;
  #pressures: ReadonlySet<Pressure> = new Set();
  #ending: { readonly uid: string; readonly untilMs: number } | undefined;

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /** The shortages that the node tells of. */
  get pressures(): ReadonlySet<Pressure> {
    return this.#pressures;
  }

  /** Looks until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#lookSafely(signal);
      await this.#options.clock.sleep(lookMs, signal).catch(() => undefined); // Aborted: it ends.
    }
  }

  async #lookSafely(signal: AbortSignal): Promise<void> {
    try {
      await this.look(signal);
    } catch (error) {
      if (signal.aborted) return;
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.log.error("node not looked at for shortages", { error: cause });
    }
  }

  /** Looks once, and ends at most one pod for the node's sake. */
  async look(signal: AbortSignal): Promise<void> {
    const { activePods, observe } = this.#options;
    const reclaim = await this.#observe();
    if (await this.#enforceLimits(activePods(), signal)) return;
    if (reclaim === undefined || this.#isSettling()) return;
    const { resource, threshold } = reclaim;
    const message = `Attempting to reclaim ${resource}`;
    this.#options.events.node({ type: "Warning", reason: "EvictionThresholdMet", message });
    if (resource === "ephemeral-storage" || resource === "inodes") {
      await this.#options.freeDisk(signal);
      const observations = await observe();
      const again = planEviction({ ...this.#input(observations), thresholds: [threshold] });
      if (again.reclaim === undefined) return;
    }
    await this.#evictOne(reclaim, signal);
  }

  async #observe(): Promise<Reclaim | undefined> {
    const plan = planEviction(this.#input(await this.#options.observe()));
    this.#state = plan.state;
    this.#pressures = plan.pressures;
    return plan.reclaim;
  }

  #input(observations: ReadonlyMap<Signal, Observation>): Parameters<typeof planEviction>[0] {
    const { limits, clock } = this.#options;
    const { thresholds, transitionMs } = limits;
    return { thresholds, transitionMs, observations, state: this.#state, nowMs: clock.now() };
  }

  #isSettling(): boolean {
    const { clock, hasEnded } = this.#options;
    if (this.#ending === undefined) return false;
    if (hasEnded(this.#ending.uid) || clock.now() >= this.#ending.untilMs) {
      this.#ending = undefined;
    }
    return this.#ending !== undefined;
  }

  /** True when a pod was ended. */
  async #enforceLimits(pods: readonly Pod[], signal: AbortSignal): Promise<boolean> {
    let ended = false;
    for (const pod of pods) {
      if (!limitsLocalStorage(pod) || isCritical(pod)) continue;
      const problem = localStorageProblem(pod, await measureStorage(this.#options, pod, signal));
      if (problem === undefined) continue;
      const verdict = { reason: "Evicted", message: problem, graceSeconds: hardGraceSeconds };
      this.#end(pod, verdict, "ephemeralpodfs.limit");
      ended = true;
    }
    return ended;
  }

  async #evictOne(reclaim: Reclaim, signal: AbortSignal): Promise<void> {
    const { activePods, log, clock } = this.#options;
    const withDisk = reclaim.resource === "ephemeral-storage" || reclaim.resource === "inodes";
    const usages: PodUsage[] = [];
    for (const pod of activePods()) {
      usages.push(await measurePod(this.#options, pod, withDisk, signal));
    }
    const [worst] = rankPods(usages, reclaim.resource);
    if (worst === undefined) {
      log.info("no pod can be evicted", { resource: reclaim.resource });
      return;
    }
    const { pod } = worst;
    this.#ending = { uid: pod.metadata?.uid ?? "", untilMs: clock.now() + settleMsMax };
    const message = evictionMessage(worst, reclaim);
    const graceSeconds = this.#graceOf(pod, reclaim);
    const verdict = { reason: "Evicted", message, graceSeconds, isDisruption: true } as const;
    this.#end(pod, verdict, reclaim.threshold.signal);
  }

  #graceOf(pod: Pod, { isHard }: Reclaim): number {
    if (isHard) return hardGraceSeconds;
    const own = pod.spec?.terminationGracePeriodSeconds ?? 30;
    return Math.max(Math.min(own, this.#options.limits.softGraceSecondsMax), hardGraceSeconds);
  }

  #end(pod: Pod, verdict: Verdict, eviction: string): void {
    const { end, events, evicted } = this.#options;
    if (!end(pod.metadata?.uid ?? "", verdict)) return;
    evicted(eviction);
    events.pod(pod, { type: "Warning", reason: verdict.reason, message: verdict.message });
  }
}
