import type { EndpointSlice, Service } from "#api/gen/types.ts";
import { joinKey, keyOf, nameOf, namespaceOf } from "#client/object-key.ts";
import { endpointName, hostsOf, type EndpointHost } from "./endpoint-hosts.ts";
import type { RecordData, ResourceRecord } from "./wire/answer.ts";

/** Seconds that records of the cluster may be kept; CoreDNS' own default. */
export const recordTtl = 5;
/** The version of Kubernetes' specification of DNS-based service discovery. */
const schemaVersion = "1.1.0";

/**
 * What a name is: its records of every type, or `undefined` when there is no such name. A name with
 * no records of the asked type has an empty answer.
 */
export type Found = readonly ResourceRecord[] | undefined;

/** A service as its names need it. */
interface Entry {
  readonly service: Service;
  readonly hosts: readonly EndpointHost[];
}

/**
 * Names of services and their endpoints, by Kubernetes' "DNS-Based Service Discovery", version
 * 1.1.0. Told of every change of a service or of its slices; a look-up costs a few map accesses.
 */
export class ClusterZone {
  readonly domain: string;
  readonly #entries = new Map<string, Entry>();
  #revision = 0;
  /** How many services a namespace has, for names above services. */
  readonly #namespaces = new Map<string, number>();
  /** Of addresses, for reverse look-ups: the names of whoever has one. */
  readonly #names = new Map<string, Set<string>>();

  /** @param domain `cluster.local` */
  constructor(domain: string) {
    this.domain = domain;
  }

  /** Another number after every change. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes in the present state of a service; `undefined` when it is gone. */
  set(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void {
    this.#revision += 1;
    const known = this.#entries.get(key);
    if (known !== undefined) this.#index(known, false);
    this.#entries.delete(key);
    if (service === undefined) return;
    const entry = { service, hosts: hostsOf(slices) };
    this.#entries.set(key, entry);
    this.#index(entry, true);
  }

  /**
   * Looks up a name below the domain.
   * @param labels of the name in lower case, without those of the domain.
   */
  find(name: string, labels: readonly string[]): Found {
    const kind = labels.at(-1);
    if (kind === undefined) return [];
    if (kind === "dns-version" && labels.length === 1) {
      return [{ name, ttl: recordTtl, data: { type: "TXT", text: schemaVersion } }];
    }
    if (kind === "svc") return this.#below(name, labels.slice(0, -1));
    if (kind === "pod") return this.#pod(name, labels.slice(0, -1));
    return undefined;
  }

  /** The names of an address. */
  reverse(name: string, address: string): Found {
    const names = this.#names.get(address);
    if (names === undefined) return undefined;
    return [...names].map((target) => ({ name, ttl: recordTtl, data: { type: "PTR", target } }));
  }

  /** `[[_port, _protocol |] [endpoint] service,] namespace` */
  #below(name: string, labels: readonly string[]): Found {
    const namespace = labels.at(-1);
    if (namespace === undefined) return [];
    if (labels.length === 1) return this.#namespaces.has(namespace) ? [] : undefined;
    const entry = this.#entries.get(joinKey(namespace, labels.at(-2) ?? ""));
    if (entry === undefined) return undefined;
    const rest = labels.slice(0, -2);
    if (rest.length === 0) return this.#service(name, entry);
    const isPort = rest.every((it) => it.startsWith("_"));
    if (isPort && rest.length <= 2) return this.#ports(name, entry, rest);
    return rest.length === 1 ? endpointRecords(name, entry, rest[0] ?? "") : undefined;
  }

  #service(name: string, entry: Entry): Found {
    const { spec } = entry.service;
    if (spec?.type === "ExternalName") {
      const target = (spec.externalName ?? "").replace(/\.$/, "");
      return [{ name, ttl: recordTtl, data: { type: "CNAME", target } }];
    }
    const addresses = isHeadless(entry.service)
      ? entry.hosts.map((it) => it.address)
      : clusterAddresses(entry.service);
    // A headless service without a ready endpoint has no name, by the specification.
    if (addresses.length === 0) return undefined;
    return [...addressRecords(name, addresses), ...this.#ports(name, entry, [])];
  }

  /** SRV records of the named port, or of all ports for the name of the service itself. */
  #ports(name: string, entry: Entry, wanted: readonly string[]): ResourceRecord[] {
    const [port, protocol] = wanted.map((it) => it.slice(1));
    const record = (target: string, number: number): ResourceRecord => ({
      name,
      ttl: recordTtl,
      data: { type: "SRV", priority: 0, weight: 100, port: number, target },
    });
    const matches = (it: {
      readonly name?: string | undefined;
      readonly protocol?: string | undefined;
    }) =>
      (port === undefined || it.name === port) &&
      (protocol === undefined || (it.protocol ?? "TCP").toLowerCase() === protocol);
    const service = this.#nameOf(entry.service);
    if (!isHeadless(entry.service)) {
      const ports = entry.service.spec?.ports ?? [];
      return ports.filter(matches).map((it) => record(service, it.port));
    }
    return entry.hosts.flatMap((host) =>
      host.ports
        .filter(matches)
        .map((it) => record(`${endpointName(host)}.${service}`, it.port ?? 0)),
    );
  }

  /** `10-244-0-7.namespace.pod`: an address written as a name. */
  #pod(name: string, labels: readonly string[]): Found {
    if (labels.length === 0) return [];
    if (labels.length !== 2) return labels.length === 1 ? [] : undefined;
    const dashed = labels[0] ?? "";
    const parts = dashed.split("-");
    const isIpv4 =
      parts.length === 4 && parts.every((it) => /^\d{1,3}$/.test(it) && Number(it) <= 255);
    return isIpv4 ? addressRecords(name, [parts.map(Number).join(".")]) : undefined;
  }

  #nameOf(service: Service): string {
    return `${nameOf(service)}.${namespaceOf(service)}.svc.${this.domain}`;
  }

  #index(entry: Entry, isAdded: boolean): void {
    const namespace = namespaceOf(entry.service);
    const count = (this.#namespaces.get(namespace) ?? 0) + (isAdded ? 1 : -1);
    if (count > 0) this.#namespaces.set(namespace, count);
    else this.#namespaces.delete(namespace);
    const service = this.#nameOf(entry.service);
    const own = clusterAddresses(entry.service).map((it): [string, string] => [it, service]);
    const hosts = entry.hosts
      .filter((it) => isHeadless(entry.service) || it.hostname !== "")
      .map((it): [string, string] => [it.address, `${endpointName(it)}.${service}`]);
    for (const [address, name] of [...own, ...hosts]) {
      const names = this.#names.get(address) ?? new Set();
      if (isAdded) names.add(name);
      else names.delete(name);
      if (names.size > 0) this.#names.set(address, names);
      else this.#names.delete(address);
    }
  }
}

/** The key under which {@link ClusterZone.set} takes a service. */
export function serviceKey(service: Service): string {
  return keyOf(service);
}

/** `stateful-0.service…`, or the address with dashes for endpoints without a name. */
function endpointRecords(name: string, { hosts, service }: Entry, label: string): Found {
  const found = hosts.filter((it) => endpointName(it) === label);
  if (found.length === 0 || service.spec?.type === "ExternalName") return undefined;
  return addressRecords(
    name,
    found.map((it) => it.address),
  );
}

function addressRecords(name: string, addresses: readonly string[]): ResourceRecord[] {
  return [...new Set(addresses)].map((address) => {
    const data: RecordData = { type: address.includes(":") ? "AAAA" : "A", address };
    return { name, ttl: recordTtl, data };
  });
}

function isHeadless({ spec }: Service): boolean {
  return spec?.clusterIP === "None";
}

function clusterAddresses({ spec }: Service): readonly string[] {
  const addresses = spec?.clusterIPs ?? [spec?.clusterIP ?? ""];
  return addresses.filter((it) => it !== "" && it !== "None");
}
