import type { Service as ClusterService, ServicePort } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { present } from "#base/present.ts";
import type { Port, Project, Service } from "#compose/project/model.ts";
import { exposedPorts, publishedPort } from "#compose/project/read-ports.ts";
import type { Publishing } from "./container.ts";
import { serviceLabels, serviceSelector } from "./names.ts";

/**
 * The names of a service: its own, its aliases, and what links call it. They resolve to the addresses
 * of its pods, of all ports, from the start of a container on, as the names of Docker's networks do.
 */
export function nameServices(project: Project): {
  readonly services: ClusterService[];
  readonly warnings: readonly string[];
} {
  const owners = new Map<string, string>();
  const warnings: string[] = [];
  const claim = (alias: string, owner: string): void => {
    const name = objectName(alias);
    const before = owners.get(name);
    if (before === undefined) owners.set(name, owner);
    else if (before !== owner) {
      warnings.push(
        `services ${before} and ${owner} are both called ${alias}; it is that of ${before}`,
      );
    }
    if (name !== alias) warnings.push(`the name ${alias} is ${name} in the cluster`);
  };
  const named = Object.entries(project.services).filter(([, it]) => it.network_mode !== "none");
  for (const [name] of named) claim(name, name);
  for (const [name, service] of named) for (const it of aliasesOf(service)) claim(it, name);
  for (const [, { links = [] }] of named) {
    for (const link of links) {
      const [target = "", alias = target] = link.split(":");
      if (project.services[target] !== undefined) claim(alias, target);
    }
  }
  const services = [...owners].map(([name, owner]): ClusterService => {
    const ports = namePorts(project.services[owner]);
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels: serviceLabels(project, owner) },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: serviceSelector(project, owner),
        ...(ports.length === 0 ? {} : { ports }),
      },
    };
  });
  return { services, warnings };
}

function aliasesOf(service: Service): readonly string[] {
  const own = Object.values(service.networks ?? {}).flatMap((it) => it?.aliases ?? []);
  return service.container_name === undefined ? own : [...own, service.container_name];
}

function namePorts(service: Service | undefined): ServicePort[] {
  const published = (service?.ports ?? []).map((it) => `${it.target}/${it.protocol}`);
  const exposed = exposedPorts(service?.expose ?? []).map((it) => `${it.port}/${it.protocol}`);
  return [...new Set([...published, ...exposed])].map((it) => {
    const [port, protocol = "tcp"] = it.split("/");
    return {
      name: `${protocol}-${port ?? ""}`,
      port: Number(port),
      protocol: protocol.toUpperCase(),
    };
  });
}

/** A service of its own for published ports, unless the pods hold them on their nodes. */
export function publishedService(
  project: Project,
  name: string,
  service: Service,
  publish: Publishing,
): ClusterService | undefined {
  const ports = (service.ports ?? []).filter(
    (it) => publish !== "host-port" || it.published === undefined,
  );
  if (ports.length === 0) return undefined;
  const isBalanced = publish === "load-balancer" && ports.every((it) => it.published !== undefined);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `${objectName(name)}-published`, labels: serviceLabels(project, name) },
    spec: {
      type: isBalanced ? "LoadBalancer" : "NodePort",
      selector: serviceSelector(project, name),
      ports: ports.map(servicePort),
    },
  };
}

function servicePort(port: Port): ServicePort {
  const number = publishedPort(port) ?? port.target;
  return present({
    name: `${port.protocol}-${number}`,
    port: number,
    targetPort: port.target,
    protocol: port.protocol.toUpperCase(),
    appProtocol: port.app_protocol,
  });
}
