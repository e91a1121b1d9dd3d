import type { LeaseId } from "./store.ts";

interface Lease {
  readonly ttlMs: number;
  expiresAtMs: number;
  readonly keys: Set<string>;
}

/** Leases, granted and not yet ended, at most: a bound on what clients can pile up. */
const leasesMax = 100_000;

/** Which keys hang on which lease, and when each lease ends. Pure bookkeeping; time is passed in. */
export class LeaseTable {
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #leaseOfKey = new Map<string, LeaseId>();

  /** @param nowMs monotonic milliseconds. @throws {Error} when there are too many leases. */
  grant(id: LeaseId, ttlSeconds: number, nowMs: number): void {
    if (this.#leases.size >= leasesMax) {
      throw new Error(`more than ${leasesMax} leases; end some before granting more`);
    }
    const ttlMs = ttlSeconds * 1_000;
    this.#leases.set(id, { ttlMs, expiresAtMs: nowMs + ttlMs, keys: new Set() });
  }

  /** False when the lease has ended. */
  renew(id: LeaseId, nowMs: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.expiresAtMs = nowMs + lease.ttlMs;
    return true;
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  /** A key belongs to the lease of its last put, or to none. */
  attach(key: string, id: LeaseId | undefined): void {
    const previous = this.#leaseOfKey.get(key);
    if (previous !== undefined) this.#leases.get(previous)?.keys.delete(key);
    this.#leaseOfKey.delete(key);
    if (id === undefined) return;
    this.#leases.get(id)?.keys.add(key);
    this.#leaseOfKey.set(key, id);
  }

  /** Forgets the lease and returns the keys to delete. */
  end(id: LeaseId): string[] {
    const keys = [...(this.#leases.get(id)?.keys ?? [])];
    this.#leases.delete(id);
    for (const key of keys) this.#leaseOfKey.delete(key);
    return keys;
  }

  /** Leases whose time is over. */
  due(nowMs: number): LeaseId[] {
    return [...this.#leases].filter(([, it]) => it.expiresAtMs <= nowMs).map(([id]) => id);
  }
}
