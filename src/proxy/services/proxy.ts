import type { EndpointSlice, Node, Service } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { endpointSlices, nodes, services } from "#client/kinds.ts";
import { joinKey, keyOf, namespaceOf } from "#client/object-key.ts";
import type { Conntrack } from "#proxy/conntrack.ts";
import type { ProxyMetrics } from "#proxy/metrics.ts";
import type { Ledger } from "#proxy/nft/ledger.ts";
import type { Nft } from "#proxy/nft/nft.ts";
import { NftTable } from "#proxy/nft/table.ts";
import { baseRules } from "./base-rules.ts";
import { planService, type HealthCheck, type ServicePlan } from "./plan.ts";

export interface ServiceProxyOptions {
  readonly informers: Informers;
  readonly nodeName: string;
  /** Addresses of the cluster's pods, and of its services. */
  readonly podRange: string;
  readonly serviceRange: string;
  /** Name of the nftables table; one a node. */
  readonly table: string;
  readonly nft: Nft;
  /** Undefined: flows of UDP that outlive a change stay where they are. */
  readonly conntrack: Conntrack | undefined;
  /** Hears the checks that load balancers make of this node, after each change of them. */
  readonly checks: (checks: readonly HealthCheck[]) => void;
  readonly metrics: ProxyMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

const serviceNameLabel = "kubernetes.io/service-name";
const zoneLabel = "topology.kubernetes.io/zone";
const byService = "service";

/**
 * Keeps a node's rules as the services and their endpoints are, until the signal aborts. The rules
 * stay then: connections go on while the program is away.
 */
export async function runServiceProxy(
  options: ServiceProxyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, nodeName } = options;
  const watched = {
    services: informers.of(services),
    slices: informers.of(endpointSlices),
    node: informers.of(nodes, { fieldSelector: `metadata.name=${nodeName}` }),
  };
  watched.slices.addIndex(byService, (it) => [ownerOf(it)]);
  await Promise.all([
    watched.services.synced(signal),
    watched.slices.synced(signal),
    watched.node.synced(signal),
  ]);
  const proxy = new ServiceProxy(options, watched);
  try {
    await proxy.run(signal);
  } finally {
    proxy[Symbol.dispose]();
  }
}

interface Watched {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly node: Informer<Node>;
}

class ServiceProxy implements Disposable {
  readonly #options: ServiceProxyOptions;
  readonly #watched: Watched;
  readonly #table: NftTable;
  readonly #plans = new Map<string, ServicePlan>();
  /** Keys of services whose plan may have changed. */
  readonly #dirty = new Set<string>();
  /** Services with UDP ports changed since flows were looked at. */
  #flowsChanged = false;
  readonly #unsubscribes: (() => void)[];

  constructor(options: ServiceProxyOptions, watched: Watched) {
    this.#options = options;
    this.#watched = watched;
    const { nft, metrics, clock, log } = options;
    this.#table = new NftTable({
      table: { name: options.table, base: baseRules(options) },
      nft,
      metrics,
      clock,
      log,
      plan: (ledger) => {
        this.#plan(ledger);
      },
      applied: async (signal) => {
        await this.#applied(signal);
      },
    });
    this.#unsubscribes = this.#subscribe();
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#table.run(signal);
  }

  [Symbol.dispose](): void {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
  }

  #subscribe(): (() => void)[] {
    const { services: all, slices, node } = this.#watched;
    return [
      all.subscribe(({ key }) => {
        this.#options.metrics.changed("service");
        this.#touch(key);
      }),
      slices.subscribe(({ previous, current }) => {
        this.#options.metrics.changed("endpoint");
        for (const it of [previous, current]) if (it !== undefined) this.#touch(ownerOf(it));
      }),
      node.subscribe(({ previous, current }) => {
        if (zoneOf(previous) === zoneOf(current)) return;
        for (const it of all.list()) this.#touch(keyOf(it));
      }),
    ];
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#table.touch();
  }

  #plan(ledger: Ledger): void {
    const { nodeName, podRange } = this.#options;
    const node = { name: nodeName, zone: zoneOf(this.#watched.node.get(nodeName)) };
    let checksChanged = false;
    for (const key of this.#dirty) {
      const service = this.#watched.services.get(key);
      const slices = this.#watched.slices.byIndex(byService, key);
      const plan =
        service === undefined ? undefined : planService({ service, slices, node, podRange });
      const before = this.#plans.get(key);
      if (plan === undefined && before === undefined) continue;
      if (plan === undefined) this.#plans.delete(key);
      else this.#plans.set(key, plan);
      ledger.put(key, plan?.fragment);
      if ((plan ?? before)?.flows.length !== 0) this.#flowsChanged = true;
      checksChanged ||= (plan?.healthCheck ?? before?.healthCheck) !== undefined;
    }
    this.#dirty.clear();
    if (checksChanged) this.#options.checks(this.#checks());
  }

  #checks(): HealthCheck[] {
    return [...this.#plans.values()].flatMap((it) => it.healthCheck ?? []);
  }

  /** New packets find the new rules by now; old flows have to be told. */
  async #applied(signal: AbortSignal): Promise<void> {
    const { conntrack, log } = this.#options;
    if (conntrack === undefined || !this.#flowsChanged) return;
    this.#flowsChanged = false;
    try {
      await conntrack.forgetStale(
        [...this.#plans.values()].flatMap((it) => it.flows),
        signal,
      );
    } catch (error) {
      this.#flowsChanged = true;
      if (!signal.aborted) log.error("flows not cleaned up", { error: error as Error });
    }
  }
}

/** Key of the service that a slice belongs to; "" of none. */
function ownerOf(slice: EndpointSlice): string {
  const name = slice.metadata?.labels?.[serviceNameLabel] ?? "";
  return name === "" ? "" : joinKey(namespaceOf(slice), name);
}

function zoneOf(node: Node | undefined): string {
  return node?.metadata?.labels?.[zoneLabel] ?? "";
}
