import type { Clock } from "#base/clock.ts";
import type { LeaseId, Store } from "#store/store.ts";

/** Objects on one lease, and how long it is given to new ones, as upstream: `etcd3/lease_manager.go`. */
const objectsMax = 1_000;
const reuseSecondsMax = 60;
/** Of an object's time. */
const reuseShare = 0.05;

interface Shared {
  readonly lease: Promise<LeaseId>;
  readonly until: number;
  objects: number;
}

/**
 * Leases of objects that go by themselves. Objects that are written within a minute share one, so
 * that they are few: an object stays up to a minute longer than it has to.
 */
export class Expiry {
  readonly #store: Store;
  readonly #clock: Clock;
  /** The newest lease, by its objects' time. There are as many as kinds have different times. */
  readonly #shared = new Map<number, Shared>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A lease that does not end before `ttlSeconds` have passed. */
  async lease(ttlSeconds: number, signal: AbortSignal): Promise<LeaseId> {
    const now = this.#clock.monotonic();
    const known = this.#shared.get(ttlSeconds);
    if (known !== undefined && now < known.until && known.objects < objectsMax) {
      known.objects++;
      return await known.lease;
    }
    const reuseSeconds = Math.ceil(Math.min(reuseSecondsMax, ttlSeconds * reuseShare));
    const lease = this.#store.grantLease(ttlSeconds + reuseSeconds, signal);
    const shared = { lease, until: now + reuseSeconds * 1_000, objects: 1 };
    this.#shared.set(ttlSeconds, shared);
    try {
      return await lease;
    } catch (error) {
      if (this.#shared.get(ttlSeconds) === shared) this.#shared.delete(ttlSeconds);
      throw error;
    }
  }
}
