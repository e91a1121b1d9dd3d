import type { LeaseSpec } from "#api/gen/types.ts";
import { formatMicroTime } from "#api/time.ts";

export interface Candidate {
  readonly identity: string;
  readonly leaseSeconds: number;
}

/** What is known of the lease: its spec and when, by the own clock, it was last seen to change. */
export interface ObservedLease {
  readonly spec: LeaseSpec;
  readonly changedAtMs: number;
}

export type LeaseStep =
  /** Somebody else holds it and has renewed it in time. */
  | { readonly kind: "held"; readonly by: string }
  /** Write this spec: it takes the lease, or renews it. */
  | { readonly kind: "write"; readonly spec: LeaseSpec };

/**
 * Decides on a lease as client-go's `tools/leaderelection` does, with which it may compete. Times
 * of other holders are compared with their own earlier ones only: clocks need not agree.
 * `now` is wall-clock time, `monotonicMs` the clock of `changedAtMs`; `lease` is undefined when
 * there is none.
 */
export function decideLease(
  me: Candidate,
  lease: ObservedLease | undefined,
  now: number,
  monotonicMs: number,
): LeaseStep {
  const time = formatMicroTime(now);
  const mine = {
    holderIdentity: me.identity,
    leaseDurationSeconds: me.leaseSeconds,
    renewTime: time,
  };
  if (lease === undefined) {
    return { kind: "write", spec: { ...mine, acquireTime: time, leaseTransitions: 0 } };
  }
  const { spec, changedAtMs } = lease;
  const holder = spec.holderIdentity ?? "";
  const transitions = spec.leaseTransitions ?? 0;
  if (holder === me.identity) {
    const acquireTime = spec.acquireTime ?? time;
    return { kind: "write", spec: { ...mine, acquireTime, leaseTransitions: transitions } };
  }
  const seconds = spec.leaseDurationSeconds ?? me.leaseSeconds;
  if (holder !== "" && changedAtMs + seconds * 1_000 > monotonicMs) {
    return { kind: "held", by: holder };
  }
  return { kind: "write", spec: { ...mine, acquireTime: time, leaseTransitions: transitions + 1 } };
}

/** The spec of a lease that its holder gives up, free to take at once. */
export function releasedLease(spec: LeaseSpec, now: number): LeaseSpec {
  const time = formatMicroTime(now);
  return {
    ...spec,
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: time,
    renewTime: time,
  };
}
