import { randomUUID } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { Catalog } from "./catalog.ts";
import type { Lease } from "./image-store.ts";
import { keys, lastPart } from "./records.ts";

/** What keeps blobs from the collector: leases, which end, and owners, which do not. */
export class Leases {
  readonly #catalog: Catalog;
  readonly #clock: Clock;

  constructor(catalog: Catalog, clock: Clock) {
    this.#catalog = catalog;
    this.#clock = clock;
  }

  async open(name: string, lifetimeMs: number): Promise<Lease> {
    const id = `${checkOwner(name)}-${randomUUID()}`;
    const owner = leaseOwner(id);
    const renew = async (): Promise<void> => {
      const until = this.#clock.now() + lifetimeMs;
      await this.#catalog.change(() => {
        this.#catalog.put(keys.lease(id), { until });
      });
    };
    await renew();
    return {
      id,
      renew,
      add: async (digests) => {
        await this.#hold(owner, digests);
      },
      [Symbol.asyncDispose]: async () => {
        await this.#catalog.change(() => {
          endLease(this.#catalog, id);
        });
      },
    };
  }

  async hold(owner: string, digests: readonly string[]): Promise<void> {
    await this.#hold(checkOwner(owner), digests);
  }

  async release(owner: string, digests: readonly string[]): Promise<void> {
    await this.#catalog.change(() => {
      for (const digest of digests) releaseOne(this.#catalog, owner, digest);
    });
  }

  list(owner: string): string[] {
    this.#catalog.refresh();
    return this.#catalog.keysOf(keys.owner(checkOwner(owner), "")).map(lastPart);
  }

  async #hold(owner: string, digests: readonly string[]): Promise<void> {
    if (digests.length === 0) return;
    await this.#catalog.change(() => {
      for (const digest of digests) {
        this.#catalog.put(keys.held(digest, owner), true);
        this.#catalog.put(keys.owner(owner, digest), true);
      }
    });
  }
}

/** Within a change: ends a lease and what it holds. */
export function endLease(catalog: Catalog, id: string): void {
  const owner = leaseOwner(id);
  for (const key of catalog.keysOf(keys.owner(owner, ""))) {
    releaseOne(catalog, owner, lastPart(key));
  }
  catalog.remove(keys.lease(id));
}

export function isHeld(catalog: Catalog, digest: string): boolean {
  return catalog.keysOf(keys.held(digest, ""), { limit: 1 }).length > 0;
}

function releaseOne(catalog: Catalog, owner: string, digest: string): void {
  catalog.remove(keys.held(digest, owner));
  catalog.remove(keys.owner(owner, digest));
}

function leaseOwner(id: string): string {
  return `lease:${id}`;
}

function checkOwner(name: string): string {
  if (/^[\w.:-]{1,100}$/.test(name)) return name;
  throw new Error(`'${name}' does not name an owner: letters, digits, '.', ':' and '-'`);
}
