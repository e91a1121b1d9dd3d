import type { ContainerPort, Pod, Service, ServicePort } from "#api/gen/types.ts";
import { isDeleting } from "#client/object-key.ts";
import { isFinished, isReady } from "#controllers/pods/readiness.ts";

export type AddressType = "IPv4" | "IPv6";

/** A port of a service as one pod offers it. */
export interface EndpointPortView {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string | undefined;
}

/** What the endpoints of a service depend on in a pod; nothing else causes a look. */
export interface PodView {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly finished: boolean;
  readonly nodeName: string | undefined;
  readonly hostname: string | undefined;
  readonly subdomain: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export function podView(pod: Pod): PodView {
  const { podIP, podIPs = [] } = pod.status ?? {};
  const listed = podIPs.map((it) => it.ip);
  return {
    addresses: listed.length > 0 ? listed : podIP === undefined || podIP === "" ? [] : [podIP],
    ready: isReady(pod),
    terminating: isDeleting(pod),
    finished: isFinished(pod),
    nodeName: pod.spec?.nodeName,
    hostname: pod.spec?.hostname,
    subdomain: pod.spec?.subdomain,
    labels: pod.metadata?.labels ?? {},
  };
}

export function addressTypeOf(address: string): AddressType {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/** The families that the service is to have slices for. */
export function addressTypesOf(service: Service): readonly AddressType[] {
  const { ipFamilies = [], clusterIP = "" } = service.spec ?? {};
  const named = ipFamilies.filter((it) => it === "IPv4" || it === "IPv6");
  if (named.length > 0) return named;
  return [addressTypeOf(clusterIP)];
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === "None";
}

/** The service's ports on this pod. A named port that the pod lacks is left out. */
export function portsOn(service: Service, pod: Pod): EndpointPortView[] {
  return (service.spec?.ports ?? []).flatMap((it) => {
    const port = targetPort(it, pod);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = it;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPort(servicePort: ServicePort, pod: Pod): number | undefined {
  const { targetPort: target, port, protocol = "TCP" } = servicePort;
  if (target === undefined || target === 0 || target === "") return port;
  if (typeof target === "number") return target;
  return containerPorts(pod).find((it) => it.name === target && (it.protocol ?? "TCP") === protocol)
    ?.containerPort;
}

/** Of containers, and of init containers that keep running. */
function containerPorts(pod: Pod): readonly ContainerPort[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const sidecars = initContainers.filter((it) => it.restartPolicy === "Always");
  return [...containers, ...sidecars].flatMap((it) => it.ports ?? []);
}
