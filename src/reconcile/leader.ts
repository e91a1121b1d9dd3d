import type { Lease, LeaseSpec } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client } from "#client/client.ts";
import { leases } from "#client/kinds.ts";
import { decideLease, releasedLease, type ObservedLease } from "./lease-plan.ts";

export interface LeaderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the Lease object that the candidates share. */
  readonly namespace: string;
  readonly name: string;
  /** Different for every process. */
  readonly identity: string;
}

/** client-go's defaults. */
const leaseSeconds = 15;
const renewDeadlineMs = 10_000;
const retryMs = 2_000;
const releaseMs = 5_000;

/**
 * Waits to become the leader, then runs `lead` until `signal` aborts or leadership is lost, in
 * which case `lead`'s signal aborts and the candidate waits again. The lease is given up at the
 * end, so that the next one need not wait. Never rejects.
 */
export async function runAsLeader(
  options: LeaderOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const election = new Election(options);
  while (!signal.aborted) {
    if (!(await election.attempt(signal))) {
      await pause(options, signal);
      continue;
    }
    options.log.info("became leader", { lease: options.name, identity: options.identity });
    const lost = new AbortController();
    const leading = lead(AbortSignal.any([signal, lost.signal])).catch((error: unknown) => {
      options.log.error("leader failed", {
        lease: options.name,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    });
    const over = new AbortController();
    const holding = election.holdOn(AbortSignal.any([signal, over.signal]));
    await Promise.race([leading, holding]);
    lost.abort(new Error(`lost the lease ${options.name}`));
    await leading;
    over.abort(new Error("no longer leading"));
    await holding;
    await election.release();
    options.log.info("stopped leading", { lease: options.name, identity: options.identity });
  }
}

class Election {
  readonly #options: LeaderOptions;
  #observed: (ObservedLease & { readonly lease: Lease }) | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Takes or renews the lease. Resolves with whether this candidate holds it. */
  async attempt(signal: AbortSignal): Promise<boolean> {
    const { client, clock, namespace, name, identity, log } = this.#options;
    try {
      const found = await this.#read(signal);
      const me = { identity, leaseSeconds };
      const step = decideLease(me, found, clock.now(), clock.monotonic());
      if (step.kind === "held") return false;
      const metadata = found?.lease.metadata ?? { namespace, name };
      const lease = { metadata, spec: step.spec };
      const written =
        found === undefined
          ? await client.create(leases, lease, {}, signal)
          : await client.update(leases, lease, {}, signal);
      this.#observe(written, step.spec);
      return true;
    } catch (error) {
      if (signal.aborted || isStatus(error, "Conflict") || isStatus(error, "AlreadyExists")) {
        return false; // Another candidate was faster.
      }
      const cause = error instanceof Error ? error : new Error(String(error));
      log.error("lease not written", { lease: name, error: cause });
      return false;
    }
  }

  /** Renews until it fails for the renew deadline, or the signal aborts. */
  async holdOn(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let renewedAt = clock.monotonic();
    while (!signal.aborted && clock.monotonic() - renewedAt < renewDeadlineMs) {
      await clock.sleep(retryMs, signal).catch(() => undefined);
      const remaining = new AbortController();
      const stop = new AbortController();
      const left = renewDeadlineMs - (clock.monotonic() - renewedAt);
      const timer = clock.sleep(Math.max(0, left), AbortSignal.any([signal, stop.signal])).then(
        () => {
          remaining.abort(new Error("renew deadline"));
        },
        () => undefined,
      );
      const renewed = await this.attempt(AbortSignal.any([signal, remaining.signal]));
      stop.abort();
      await timer;
      if (renewed) renewedAt = clock.monotonic();
      else if (this.#observed?.spec.holderIdentity !== this.#options.identity) return;
    }
  }

  /** Frees the lease if this candidate still holds it; a failure only delays the next leader. */
  async release(): Promise<void> {
    const { client, clock, identity } = this.#options;
    const observed = this.#observed;
    if (observed?.spec.holderIdentity !== identity) return;
    const spec = releasedLease(observed.spec, clock.now());
    const stop = new AbortController();
    const timer = clock.sleep(releaseMs, stop.signal).then(
      () => {
        stop.abort(new Error("release took too long"));
      },
      () => undefined,
    );
    await client
      .update(leases, { metadata: observed.lease.metadata, spec }, {}, stop.signal)
      .catch(() => undefined);
    stop.abort();
    await timer;
    this.#observed = undefined;
  }

  async #read(signal: AbortSignal): Promise<(ObservedLease & { lease: Lease }) | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      const lease = await client.get(leases, { namespace, name }, signal);
      return this.#observe(lease, lease.spec ?? {});
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #observe(lease: Lease, spec: LeaseSpec): ObservedLease & { lease: Lease } {
    const before = this.#observed?.lease.metadata?.resourceVersion;
    const same = before !== undefined && before === lease.metadata?.resourceVersion;
    const changedAtMs =
      same && this.#observed !== undefined
        ? this.#observed.changedAtMs
        : this.#options.clock.monotonic();
    const observed = { lease, spec, changedAtMs };
    this.#observed = observed;
    return observed;
  }
}

async function pause({ clock, random }: LeaderOptions, signal: AbortSignal): Promise<void> {
  await clock.sleep(retryMs * (1 + 1.2 * random.next()), signal).catch(() => undefined);
}
