import type { Service, ServicePort } from "#api/gen/types.ts";

/**
 * The variables that announce the services of a namespace, in the two forms of old: the simple one
 * and the one of Docker links. Upstream: `pkg/kubelet/envvars/envvars.go`.
 */
export function serviceVariables(services: readonly Service[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    if (ip === undefined || ip === "" || ip === "None" || ports.length === 0) continue;
    addService(variables, variableName(service.metadata?.name ?? ""), ip, ports);
  }
  return variables;
}

function addService(
  variables: Map<string, string>,
  prefix: string,
  ip: string,
  ports: readonly ServicePort[],
): void {
  variables.set(`${prefix}_SERVICE_HOST`, ip);
  const host = ip.includes(":") ? `[${ip}]` : ip;
  for (const [index, { name = "", port, protocol = "TCP" }] of ports.entries()) {
    const scheme = protocol.toLowerCase();
    const url = `${scheme}://${host}:${port}`;
    if (index === 0) {
      variables.set(`${prefix}_SERVICE_PORT`, String(port));
      variables.set(`${prefix}_PORT`, url);
    }
    if (name !== "") variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
    const linked = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    variables.set(linked, url);
    variables.set(`${linked}_PROTO`, scheme);
    variables.set(`${linked}_PORT`, String(port));
    variables.set(`${linked}_ADDR`, ip);
  }
}

function variableName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}

/** Services that a pod of `namespace` hears of; the API's own always, the others when it wants. */
export function visibleServices(
  services: { readonly own: readonly Service[]; readonly master: readonly Service[] },
  wantsLinks: boolean,
): readonly Service[] {
  const api = services.master.filter((it) => it.metadata?.name === "kubernetes");
  return wantsLinks ? [...api, ...services.own] : api;
}
