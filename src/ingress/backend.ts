import type {
  EndpointSlice,
  Ingress,
  IngressBackend,
  Service,
  ServicePort,
} from "#api/gen/types.ts";
import { joinKey, nameOf, namespaceOf } from "#client/object-key.ts";
import type { BackendPlan, IngressInput, ProblemReason } from "./model.ts";
import { protocolOfPort, type IngressSettings } from "./settings.ts";

export type ResolvedBackend =
  | { readonly kind: "backend"; readonly id: string; readonly plan: BackendPlan }
  | { readonly kind: "fault"; readonly reason: ProblemReason; readonly message: string };

/** The service that an Ingress names, as a backend with the endpoints that answer now. */
export function resolveBackend(
  ingress: Ingress,
  backend: IngressBackend,
  settings: IngressSettings,
  input: Pick<IngressInput, "service" | "slices">,
): ResolvedBackend {
  const named = backend.service;
  if (named === undefined) {
    return fault("UnsupportedBackend", "a backend is a resource: only services can be backends");
  }
  const namespace = namespaceOf(ingress);
  const key = joinKey(namespace, named.name);
  const service = input.service(key);
  if (service === undefined) return fault("ServiceNotFound", `service ${key} does not exist`);
  if (service.spec?.type === "ExternalName") {
    return fault("UnsupportedBackend", `service ${key} is of the type ExternalName`);
  }
  const wanted = named.port ?? {};
  const port = portOf(service, wanted);
  if (port === undefined) {
    const text = wanted.name ?? String(wanted.number);
    return fault("PortNotFound", `service ${key} has no TCP port ${text}`);
  }
  const own = hasOwn(settings) ? [nameOf(ingress)] : [];
  return {
    kind: "backend",
    id: [namespace, named.name, port.port, ...own].join(":"),
    plan: planOf(service, port, settings, input.slices(key)),
  };
}

function planOf(
  service: Service,
  port: ServicePort,
  settings: IngressSettings,
  slices: readonly EndpointSlice[],
): BackendPlan {
  const { readMs, tunnelMs, bodyBytesMax } = settings;
  return {
    protocol: settings.protocol ?? protocolOfPort(port.appProtocol),
    sticky: service.spec?.sessionAffinity === "ClientIP",
    readMs,
    tunnelMs,
    bodyBytesMax,
    endpoints: endpointsOf(port.name ?? "", slices),
  };
}

function fault(reason: ProblemReason, message: string): ResolvedBackend {
  return { kind: "fault", reason, message };
}

/** Ingresses that ask for nothing of their own share a backend, and its connections. */
function hasOwn({ protocol, readMs, tunnelMs, bodyBytesMax }: IngressSettings): boolean {
  return [protocol, readMs, tunnelMs, bodyBytesMax].some((it) => it !== undefined);
}

function portOf(
  service: Service,
  wanted: { readonly name?: string | undefined; readonly number?: number | undefined },
): ServicePort | undefined {
  return service.spec?.ports?.find((it) => {
    if ((it.protocol ?? "TCP") !== "TCP") return false;
    return wanted.name === undefined || wanted.name === ""
      ? it.port === wanted.number
      : it.name === wanted.name;
  });
}

/**
 * The endpoints of a service's port that are ready; where there is none, those that still answer
 * while they end, as services do it.
 */
function endpointsOf(portName: string, slices: readonly EndpointSlice[]): string[] {
  const ready = new Set<string>();
  const ending = new Set<string>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    const ports = (slice.ports ?? []).filter(
      (it) => (it.name ?? "") === portName && (it.protocol ?? "TCP") === "TCP",
    );
    for (const { port } of ports) {
      if (port === undefined) continue;
      for (const { addresses, conditions = {} } of slice.endpoints ?? []) {
        const [address] = addresses;
        if (address === undefined) continue;
        if (conditions.ready !== false) ready.add(`${address}:${port}`);
        else if (conditions.serving === true && conditions.terminating === true) {
          ending.add(`${address}:${port}`);
        }
      }
    }
  }
  return [...(ready.size > 0 ? ready : ending)].sort();
}
