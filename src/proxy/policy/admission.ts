import type { Clock } from "#base/clock.ts";
import { Waiters } from "#client/waiters.ts";

/** Who makes the rules; there while it runs. */
export interface RuleMaker {
  /** False while there is no policy, so that no pod needs rules. */
  needsRules(): boolean;
  /** Pods without rules have come. */
  touch(): void;
}

/** A pod waits so long at most; it is cut off by the rules until its own are in place. */
export const admissionMsMax = 2_000;
/** Pods that the API does not tell the address of yet; the oldest go, to be told by the API. */
const pendingMax = 1_000;

/**
 * Holds back the containers of a new pod until the rules for its address are in place: the runtime
 * knows the address before the API does.
 */
export class PodAdmission {
  readonly #clock: Clock;
  readonly #waiters = new Waiters();
  readonly #pending = new Map<string, string>();
  #maker: RuleMaker | undefined;
  /** Keys and addresses of the pods that have their rules. */
  #admitted: ReadonlySet<string> = new Set();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Addresses by key of pods that were announced and not forgotten. */
  get pending(): ReadonlyMap<string, string> {
    return this.#pending;
  }

  /** Resolves when the pod's rules are in place, or after {@link admissionMsMax}. */
  async admit(key: string, address: string, signal: AbortSignal): Promise<void> {
    this.#pending.delete(key);
    this.#pending.set(key, address);
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= pendingMax) break;
      this.#pending.delete(oldest);
    }
    this.#maker?.touch();
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const late = this.#clock.sleep(admissionMsMax, either).catch(() => undefined);
    const done = this.#waiters
      .until(() => this.#isAdmitted(key, address), either)
      .catch(() => undefined);
    await Promise.race([done, late]);
    stop.abort(new Error("waited"));
    signal.throwIfAborted();
  }

  /** From now on `maker` makes the rules; undefined: nobody does. */
  follow(maker: RuleMaker | undefined): void {
    this.#maker = maker;
    this.#waiters.check();
  }

  /** The API tells the pod's address now, or the pod is gone. */
  forget(key: string): void {
    this.#pending.delete(key);
  }

  /** The kernel has the rules for these pods; see {@link admissionKey}. */
  admitted(pods: ReadonlySet<string>): void {
    this.#admitted = pods;
    this.#waiters.check();
  }

  #isAdmitted(key: string, address: string): boolean {
    if (this.#maker === undefined) return false;
    return !this.#maker.needsRules() || this.#admitted.has(admissionKey(key, address));
  }
}

export function admissionKey(key: string, address: string): string {
  return `${key} ${address}`;
}
