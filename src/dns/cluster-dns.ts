import { BlockList } from "node:net";
import type { EndpointSlice, Service } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { endpointSlices, services } from "#client/kinds.ts";
import { joinKey, keyOf, namespaceOf } from "#client/object-key.ts";
import { AnswerCache } from "./answer-cache.ts";
import { Forwarder } from "./forwarder.ts";
import { DnsMetrics, exposeCache } from "./metrics.ts";
import { redirectRules } from "./redirect.ts";
import { Resolver } from "./resolver.ts";
import { openDnsServer, type DnsServer } from "./server.ts";
import { ClusterZone } from "./zone.ts";

export interface ClusterDnsOptions {
  readonly informers: Informers;
  /** `cluster.local` */
  readonly domain: string;
  /** Address of the cluster's DNS, as pods know it. */
  readonly serviceAddress: string;
  /** The node's own address, where the server listens. */
  readonly address: string;
  /** Of services and pods, as in `10.96.0.0/16`. */
  readonly ranges: readonly string[];
  /** Servers for names of others; see {@link Forwarder}. */
  readonly servers: readonly string[];
  /** Name of the nftables table; one a node. */
  readonly table: string;
  /** Runs a transaction of nftables. */
  readonly applyRules: (script: string, signal: AbortSignal) => Promise<void>;
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly log: Logger;
}

const serviceNameLabel = "kubernetes.io/service-name";
const byService = "service";
/** Where it listens when it can; the same port again after a restart keeps connections alive. */
const usualPort = 10_053;

/** Answers the node's pods until the signal aborts; pods' questions go to it by rules that stay. */
export async function runClusterDns(
  options: ClusterDnsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, domain, clock } = options;
  const watched = { services: informers.of(services), slices: informers.of(endpointSlices) };
  const zone = new ClusterZone(domain);
  await using stack = new AsyncDisposableStack();
  watched.slices.addIndex(byService, (it) => [ownerOf(it)]);
  // Wrong answers are worse than late ones: a client waits for seconds, and asks again.
  await Promise.all([watched.services.synced(signal), watched.slices.synced(signal)]);
  for (const unsubscribe of follow(zone, watched)) stack.defer(unsubscribe);
  const metrics = new DnsMetrics(options.metrics, clock, domain);
  const cache = new AnswerCache(clock);
  const own = {
    servers: options.servers.filter((it) => it !== options.serviceAddress),
    metrics,
    clock,
  };
  stack.defer(exposeCache(options.metrics, cache));
  const resolver = new Resolver({
    zone,
    isOurs: within(options.ranges),
    forwarder: new Forwarder(own),
    cache,
    metrics,
  });
  const server = stack.use(await openServer(options, resolver));
  const { table, serviceAddress, address } = options;
  const redirect = { table, serviceAddress, server: { address, port: server.port } };
  await options.applyRules(redirectRules(redirect), signal);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

/** Keeps the zone as the informers are. */
function follow(
  zone: ClusterZone,
  watched: { readonly services: Informer<Service>; readonly slices: Informer<EndpointSlice> },
): (() => void)[] {
  const update = (key: string): void => {
    zone.set(key, watched.services.get(key), watched.slices.byIndex(byService, key));
  };
  for (const service of watched.services.list()) update(keyOf(service));
  return [
    watched.services.subscribe(({ key }) => {
      update(key);
    }),
    watched.slices.subscribe(({ previous, current }) => {
      const keys = [previous, current].flatMap((it) => (it === undefined ? [] : [ownerOf(it)]));
      for (const key of new Set(keys)) update(key);
    }),
  ];
}

function ownerOf(slice: EndpointSlice): string {
  return joinKey(namespaceOf(slice), slice.metadata?.labels?.[serviceNameLabel] ?? "");
}

function within(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", length] = range.split("/");
    list.addSubnet(address, Number(length), "ipv4");
  }
  return (address) => !address.includes(":") && list.check(address, "ipv4");
}

async function openServer(options: ClusterDnsOptions, resolver: Resolver): Promise<DnsServer> {
  const common = { host: options.address, resolver, log: options.log };
  try {
    return await openDnsServer({ ...common, port: usualPort });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return await openDnsServer({ ...common, port: 0 });
  }
}
