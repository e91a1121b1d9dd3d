import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { childObject, childString } from "#api/object.ts";
import type { ObjectSource } from "#apiserver/contract.ts";
import { addressesOf, nodePortsOf } from "./plan.ts";
import type { AddressRange } from "./range.ts";

/** First and last port that services may open on nodes. */
export const nodePortRange = { first: 30_000, last: 32_767 } as const;

/**
 * How long a choice is kept for a service that is on its way to the store. A write that fails gives
 * it back this much later.
 */
const reservationMs = 30_000;

/** For whom an address or a port is taken: one request about one service. */
export interface Claimant {
  readonly namespace: string;
  /** Of the service; one that no service can have while the name is still to be generated. */
  readonly name: string;
  /** False for dry runs, which hold nothing back from others. */
  readonly reserves: boolean;
  /** What this request has chosen so far. */
  readonly chosen: Set<string>;
}

interface Reservation {
  readonly namespace: string;
  readonly name: string;
  readonly until: number;
}

/**
 * The addresses and node ports of services. What is in use is read from the services themselves, so
 * deleting one frees them; what has been chosen and is not stored yet is reserved, so two creates at
 * once do not choose the same. That holds within one process.
 */
export class ServicePool {
  readonly range: AddressRange;
  readonly #objects: ObjectSource;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #reserved = new Map<string, Reservation>();
  #used: ReadonlyMap<string, string> | undefined;

  constructor(range: AddressRange, objects: ObjectSource, clock: Clock, random: Random) {
    this.range = range;
    this.#objects = objects;
    this.#clock = clock;
    this.#random = random;
    objects.onChange("services", "", () => {
      this.#used = undefined;
      this.#dropStored();
    });
  }

  /** Undefined when the address was free; else why it cannot be had. */
  takeAddress(address: string, claimant: Claimant): string | undefined {
    if (!this.range.has(address)) {
      return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${this.range.text}`;
    }
    return this.#take(address, claimant) ? undefined : "provided IP is already allocated";
  }

  /** A free address, or undefined when all are in use. */
  chooseAddress(claimant: Claimant): string | undefined {
    // The first part of the range is left to people who choose addresses themselves.
    const kept = Math.min(Math.max(16, Math.floor(this.range.size / 16)), 256);
    const offset = kept < this.range.size ? kept : 0;
    const choices = this.range.size - offset;
    const found = this.#chooseFrom(choices, claimant, (index) => this.range.at(offset + index));
    return found ?? this.#chooseFrom(offset, claimant, (index) => this.range.at(index));
  }

  takePort(port: number, claimant: Claimant): string | undefined {
    const { first, last } = nodePortRange;
    if (port < first || port > last) {
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    }
    return this.#take(String(port), claimant) ? undefined : "provided port is already allocated";
  }

  choosePort(claimant: Claimant): number | undefined {
    const { first, last } = nodePortRange;
    const found = this.#chooseFrom(last - first + 1, claimant, (at) => String(first + at));
    return found === undefined ? undefined : Number(found);
  }

  #chooseFrom(
    count: number,
    claimant: Claimant,
    at: (index: number) => string,
  ): string | undefined {
    const start = Math.floor(this.#random.next() * count);
    for (let step = 0; step < count; step++) {
      const candidate = at((start + step) % count);
      // Neither what the service holds already, nor what this request chose a moment ago.
      if (this.#inUse().has(candidate) || claimant.chosen.has(candidate)) continue;
      if (this.#take(candidate, claimant)) return candidate;
    }
    return undefined;
  }

  #take(key: string, claimant: Claimant): boolean {
    const { namespace, name } = claimant;
    const user = this.#inUse().get(key);
    if (user !== undefined && user !== `${namespace}/${name}`) return false;
    const now = this.#clock.monotonic();
    const held = this.#reserved.get(key);
    const own = held?.namespace === namespace && held.name === name;
    if (held !== undefined && held.until > now && !own) return false;
    claimant.chosen.add(key);
    if (!claimant.reserves) return true;
    this.#dropExpired(now);
    // Again at the end: the map is in order of time.
    this.#reserved.delete(key);
    this.#reserved.set(key, { namespace, name, until: now + reservationMs });
    return true;
  }

  #dropExpired(now: number): void {
    for (const [key, { until }] of this.#reserved) {
      if (until > now) break;
      this.#reserved.delete(key);
    }
  }

  /** A stored service speaks for itself; its reservations would outlive its deletion. */
  #dropStored(): void {
    for (const [key, { namespace, name }] of this.#reserved) {
      const service = this.#objects.get("services", "", namespace, name);
      const spec = childObject(service, "spec");
      const holds = addressesOf(spec).includes(key) || nodePortsOf(spec).map(String).includes(key);
      if (holds) this.#reserved.delete(key);
    }
  }

  #inUse(): ReadonlyMap<string, string> {
    if (this.#used !== undefined) return this.#used;
    const used = new Map<string, string>();
    for (const service of this.#objects.list("services", "")) {
      const metadata = childObject(service, "metadata");
      const owner = `${childString(metadata, "namespace") ?? ""}/${childString(metadata, "name") ?? ""}`;
      const spec = childObject(service, "spec");
      for (const address of addressesOf(spec)) used.set(address, owner);
      for (const port of nodePortsOf(spec)) used.set(String(port), owner);
    }
    this.#used = used;
    return used;
  }
}
