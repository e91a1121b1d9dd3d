import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { DelayedQueue } from "#reconcile/delayed-queue.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import { PodQueue } from "./pod-queue.ts";

export interface WaitingPodsOptions {
  readonly clock: Clock;
  readonly metrics: SchedulerMetrics;
  /** Of a pod that waits for a node and for us; undefined of any other. */
  readonly priorityOf: (key: string) => number | undefined;
  /** There is a pod to take. */
  readonly wake: () => void;
}

/** client-go's pod back-off of the scheduler: 1 s doubling to 10 s. */
const backoffMs = { initialMs: 1_000, maxMs: 10_000 };
/** A pod that found no node is tried again after this, even if nothing seems to have changed. */
const retryAnywayMs = 300_000;

interface Refused {
  /** The time before which it is not tried again. */
  readonly readyAtMs: number;
  readonly plugins: ReadonlySet<string>;
}

/**
 * The pods that have no node, by their keys: those to be tried now, those that wait out their
 * back-off, and those that wait for a change in their favour. Bounded by the pods there are.
 */
export class WaitingPods {
  readonly #options: WaitingPodsOptions;
  readonly #active = new PodQueue();
  readonly #backingOff = new Set<string>();
  readonly #refused = new Map<string, Refused>();
  /** Not to be tried; true: somebody wanted to, meanwhile. */
  readonly #held = new Map<string, boolean>();
  readonly #backoff = new Backoff<string>(backoffMs);
  readonly #seen = new Map<string, { readonly sinceMs: number; attempts: number }>();
  #later: DelayedQueue<string> | undefined;

  constructor(options: WaitingPodsOptions) {
    this.#options = options;
  }

  get active(): number {
    return this.#active.size;
  }

  get backingOff(): number {
    return this.#backingOff.size;
  }

  /** Pods that found no node, and who refused them. */
  get refused(): ReadonlyMap<string, { readonly plugins: ReadonlySet<string> }> {
    return this.#refused;
  }

  /** To be called before all else; until the signal aborts, pods come back from their back-off. */
  start(signal: AbortSignal): void {
    const due = (key: string): void => {
      this.add(key, this.#refused.has(key) ? "UnschedulableTimeout" : "BackoffComplete");
    };
    this.#later = new DelayedQueue<string>(this.#options.clock, due, signal);
  }

  /** To be tried now. @param event upstream's label of what brought it, for the metrics. */
  add(key: string, event: string): void {
    const { clock, metrics, priorityOf, wake } = this.#options;
    const priority = priorityOf(key);
    if (priority === undefined) return;
    if (this.#held.has(key)) {
      this.#held.set(key, true);
      return;
    }
    this.#refused.delete(key);
    this.#backingOff.delete(key);
    if (!this.#seen.has(key)) this.#seen.set(key, { sinceMs: clock.monotonic(), attempts: 0 });
    if (this.#active.add(key, priority)) metrics.incoming("active", event);
    wake();
  }

  take(): string | undefined {
    return this.#active.take();
  }

  /** It is being tried. */
  attempted(key: string): void {
    const seen = this.#seen.get(key);
    if (seen !== undefined) seen.attempts += 1;
  }

  /** It found no node and waits for a change. @param plugins who refused it. */
  refuse(key: string, plugins: ReadonlySet<string>): void {
    const readyAtMs = this.#options.clock.monotonic() + this.#backoff.fail(key);
    this.#refused.set(key, { readyAtMs, plugins });
    this.#later?.add(key, retryAnywayMs);
    this.#options.metrics.incoming("unschedulable", "ScheduleAttemptFailure");
  }

  /** Something went wrong: it is tried again after its back-off. */
  fail(key: string): void {
    this.#backOff(key, this.#backoff.fail(key), "ScheduleAttemptFailure");
  }

  /** Something changed in favour of one that was refused: tried when its back-off is over. */
  retry(key: string, event: string): void {
    const refused = this.#refused.get(key);
    if (refused === undefined) return;
    this.#refused.delete(key);
    this.#backOff(key, refused.readyAtMs - this.#options.clock.monotonic(), event);
  }

  retryAll(event: string): void {
    for (const key of [...this.#refused.keys()]) this.retry(key, event);
  }

  /** Keeps a pod from being tried until it is released. */
  hold(key: string): void {
    this.#held.set(key, false);
  }

  release(key: string): void {
    const isWanted = this.#held.get(key) === true;
    this.#held.delete(key);
    if (isWanted) this.add(key, "AssignedPodDelete");
  }

  /** It has a node. */
  bound(key: string): void {
    const seen = this.#seen.get(key);
    const { clock, metrics } = this.#options;
    if (seen !== undefined) metrics.bound(seen.attempts, clock.monotonic() - seen.sinceMs);
    this.forget(key);
  }

  /** It no longer waits. */
  forget(key: string): void {
    this.#refused.delete(key);
    this.#backingOff.delete(key);
    this.#seen.delete(key);
    this.#backoff.succeed(key);
  }

  #backOff(key: string, ms: number, event: string): void {
    this.#backingOff.add(key);
    this.#later?.add(key, ms);
    this.#options.metrics.incoming("backoff", event);
  }
}
