import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import type { Conntrack } from "#proxy/conntrack.ts";
import type { Ledger } from "#proxy/nft/ledger.ts";
import type { Nft } from "#proxy/nft/nft.ts";
import { NftTable } from "#proxy/nft/table.ts";
import { watchPods } from "#proxy/watched-pods.ts";
import { hostPortBaseRules } from "./base-rules.ts";
import { planHostPorts, type HostPortPlan } from "./plan.ts";

export interface HostPortOptions {
  readonly informers: Informers;
  readonly nodeName: string;
  /** Name of the nftables table; one a node. */
  readonly table: string;
  readonly nft: Nft;
  /** Undefined: flows of UDP that outlive a change stay where they are. */
  readonly conntrack: Conntrack | undefined;
  /** Lets the pod with the address answer what comes from the node's loopback. */
  readonly openLoopback: (address: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Leads the host ports of the node's pods to them, until the signal aborts. The rules stay then, so
 * that connections go on while the program is away.
 */
export async function runHostPorts(options: HostPortOptions, signal: AbortSignal): Promise<void> {
  const all = watchPods(options.informers);
  await all.synced(signal);
  const ports = new HostPorts(options, all);
  try {
    await ports.run(signal);
  } finally {
    ports[Symbol.dispose]();
  }
}

class HostPorts implements Disposable {
  readonly #options: HostPortOptions;
  readonly #table: NftTable;
  readonly #pods: Informer<Pod>;
  readonly #plans = new Map<string, HostPortPlan>();
  /** Keys of pods whose plan may have changed. */
  readonly #dirty = new Set<string>();
  /** Addresses of pods that answer the loopback; of those that have plans. */
  readonly #opened = new Set<string>();
  #flowsChanged = false;
  readonly #unsubscribe: () => void;

  constructor(options: HostPortOptions, all: Informer<Pod>) {
    this.#options = options;
    this.#pods = all;
    const { nft, clock, log } = options;
    this.#table = new NftTable({
      table: { name: options.table, base: hostPortBaseRules },
      nft,
      clock,
      log,
      plan: (ledger) => {
        this.#plan(ledger);
      },
      applied: async (signal) => {
        await this.#openLoopback(signal);
        await this.#forgetFlows(signal);
      },
    });
    this.#unsubscribe = all.subscribe(({ key, previous, current }) => {
      this.#changed(key, previous, current);
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#table.run(signal);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  /** Most changes are of other nodes' pods, and of pods without host ports. */
  #changed(key: string, previous: Pod | undefined, current: Pod | undefined): void {
    const { nodeName } = this.#options;
    if ((current ?? previous)?.spec?.nodeName !== nodeName) return;
    if (!this.#plans.has(key) && (current === undefined || !planHostPorts(current))) return;
    this.#dirty.add(key);
    this.#table.touch();
  }

  #plan(ledger: Ledger): void {
    for (const key of this.#dirty) {
      const pod = this.#pods.get(key);
      const plan = pod === undefined ? undefined : planHostPorts(pod);
      const before = this.#plans.get(key);
      if (plan === undefined) this.#plans.delete(key);
      else this.#plans.set(key, plan);
      if (before !== undefined && before.address !== plan?.address) {
        this.#opened.delete(before.address);
      }
      if (plan !== undefined && plan.flows.length > 0) this.#flowsChanged = true;
      ledger.put(key, plan?.fragment);
    }
    this.#dirty.clear();
  }

  async #openLoopback(signal: AbortSignal): Promise<void> {
    const { openLoopback, log } = this.#options;
    for (const { address, usesLoopback } of this.#plans.values()) {
      if (!usesLoopback || this.#opened.has(address)) continue;
      try {
        await openLoopback(address, signal);
        this.#opened.add(address);
      } catch (error) {
        if (signal.aborted) return;
        // The pod has ended meanwhile, or the next change tries again.
        log.error("host ports not open on the loopback", { address, error: error as Error });
      }
    }
  }

  /** New packets find the new rules by now; old flows have to be told. */
  async #forgetFlows(signal: AbortSignal): Promise<void> {
    const { conntrack, log } = this.#options;
    if (conntrack === undefined || !this.#flowsChanged) return;
    this.#flowsChanged = false;
    const targets = [...this.#plans.values()].flatMap((it) => it.flows);
    try {
      await conntrack.forgetStale(targets, signal);
    } catch (error) {
      this.#flowsChanged = true;
      if (!signal.aborted) log.error("flows not cleaned up", { error: error as Error });
    }
  }
}
