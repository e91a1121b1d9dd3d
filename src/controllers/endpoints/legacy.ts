import type { EndpointAddress, EndpointSubset, Pod, Service } from "#api/gen/types.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { addressTypeOf, addressTypesOf, podView, portsOn } from "./addresses.ts";

/** Addresses in one Endpoints object at most; upstream truncates there too. */
export const addressesMax = 1_000;

/**
 * The subsets of the `Endpoints` object of a service: addresses that offer the same ports
 * together, ready and not ready apart, in a fixed order. Only the service's first family.
 */
export function endpointSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publish = service.spec?.publishNotReadyAddresses === true;
  const [family] = addressTypesOf(service);
  const groups = new Map<string, Group>();
  let count = 0;
  for (const pod of pods) {
    const view = podView(pod);
    const ip = view.addresses.find((it) => addressTypeOf(it) === family);
    if (ip === undefined || view.finished || (view.terminating && !publish)) continue;
    if (count++ >= addressesMax) break;
    const ports = portsOn(service, pod).map(({ name, ...port }) => ({
      ...(name === "" ? {} : { name }),
      ...port,
    }));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    groups.set(key, group);
    const address = addressOf(service, pod, ip);
    (publish || view.ready ? group.ready : group.notReady).push(address);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length === 0 ? {} : { addresses: ready.sort(compareAddresses) }),
      ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady.sort(compareAddresses) }),
      ...(ports.length === 0 ? {} : { ports }),
    }));
}

interface Group {
  readonly ports: NonNullable<EndpointSubset["ports"]>;
  readonly ready: EndpointAddress[];
  readonly notReady: EndpointAddress[];
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const { nodeName = "", hostname = "", subdomain } = pod.spec ?? {};
  return {
    ip,
    ...(hostname !== "" && subdomain === nameOf(service) ? { hostname } : {}),
    ...(nodeName === "" ? {} : { nodeName }),
    targetRef: { kind: "Pod", namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) },
  };
}

function compareAddresses(a: EndpointAddress, b: EndpointAddress): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0;
}
