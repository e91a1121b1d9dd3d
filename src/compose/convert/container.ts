import type { Container, ResourceRequirements, SecurityContext } from "#api/gen/types.ts";
import type { Amounts, Port, Project, Service } from "#compose/project/model.ts";
import { present } from "#base/present.ts";
import { signalName } from "#containers/plan/container.ts";
import { literal } from "#containers/plan/dollars.ts";
import { containerUser } from "#containers/plan/user.ts";
import { imageOf } from "./names.ts";
import { probesOf } from "#containers/plan/probes.ts";
import type { PodVolumes } from "./volumes.ts";

/** How published ports are reached. */
export type Publishing = "host-port" | "load-balancer" | "node-port";

/** The container of a service. */
export function containerOf(
  project: Project,
  name: string,
  service: Service,
  of: {
    readonly name: string;
    readonly mounts: PodVolumes["mounts"];
    readonly publish: Publishing;
  },
): Container {
  const { entrypoint, command, environment } = service;
  const env = Object.entries(environment ?? {}).map(([key, value]) => ({
    name: key,
    value: literal(value ?? ""),
  }));
  // An entry point of its own makes the image's command void, as Docker does.
  const hasEntrypoint = entrypoint !== undefined && entrypoint.length > 0;
  const container: Container = {
    name: of.name,
    image: imageOf(project, name, service),
    imagePullPolicy: pullPolicy(service),
    command: hasEntrypoint ? entrypoint.map(literal) : undefined,
    args: command === undefined || command.length === 0 ? undefined : command.map(literal),
    env: env.length === 0 ? undefined : env,
    ports: portsOf(service, of.publish),
    volumeMounts: of.mounts.length === 0 ? undefined : [...of.mounts],
    resources: resourcesOf(service),
    securityContext: securityOf(service),
    workingDir: service.working_dir,
    stdin: service.stdin_open === true ? true : undefined,
    tty: service.tty === true ? true : undefined,
    lifecycle:
      service.stop_signal === undefined
        ? undefined
        : { stopSignal: signalName(service.stop_signal) },
    ...probesOf(service.healthcheck),
  };
  return present(container);
}

function pullPolicy(service: Service): string {
  if (service.pull_policy === "always") return "Always";
  if (service.pull_policy === "never") return "Never";
  // The node may have an older image of that name than the one that was built.
  if (service.pull_policy === "build" || service.build !== undefined) return "Always";
  return "IfNotPresent";
}

function portsOf(service: Service, publish: Publishing): Container["ports"] {
  const published = (service.ports ?? []).map((it) => containerPort(it, publish));
  const known = new Set(published.map((it) => `${it.containerPort}/${it.protocol ?? ""}`));
  const exposed = (service.expose ?? [])
    .map((it) => {
      const [port, protocol = "tcp"] = it.split("/");
      return { containerPort: Number(port), protocol: protocol.toUpperCase() };
    })
    .filter((it) => !known.has(`${it.containerPort}/${it.protocol}`));
  const all = [...published, ...exposed];
  return all.length === 0 ? undefined : all;
}

function containerPort(port: Port, publish: Publishing): NonNullable<Container["ports"]>[number] {
  const isHost = publish === "host-port" && port.published !== undefined;
  return present({
    containerPort: port.target,
    protocol: port.protocol.toUpperCase(),
    hostPort: isHost ? port.published : undefined,
    hostIP:
      isHost && port.host_ip !== undefined && port.host_ip !== "0.0.0.0" ? port.host_ip : undefined,
  });
}

function resourcesOf(service: Service): ResourceRequirements | undefined {
  const limits = amounts({
    cpus: service.deploy?.limits?.cpus ?? service.cpus,
    memory: service.deploy?.limits?.memory ?? service.mem_limit,
  });
  const requests = amounts({
    cpus: service.deploy?.reservations?.cpus,
    memory: service.deploy?.reservations?.memory ?? service.mem_reservation,
  });
  if (limits === undefined && requests === undefined) return undefined;
  return present({ limits, requests });
}

function amounts({ cpus, memory }: Amounts): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  if (cpus !== undefined && cpus > 0) found["cpu"] = `${Math.max(1, Math.round(cpus * 1_000))}m`;
  if (memory !== undefined && memory > 0) found["memory"] = String(memory);
  return Object.keys(found).length === 0 ? undefined : found;
}

function securityOf(service: Service): SecurityContext | undefined {
  const { runAsUser, runAsGroup } = containerUser(service.user);
  const add = service.cap_add?.map(capability);
  const drop = service.cap_drop?.map(capability);
  const options = service.security_opt ?? [];
  const seccomp = options.some((it) => /^seccomp[:=]unconfined$/.test(it));
  const noNew = options.some((it) => /^no-new-privileges([:=]true)?$/.test(it));
  const context: SecurityContext = present<SecurityContext>({
    runAsUser,
    runAsGroup,
    privileged: service.privileged === true ? true : undefined,
    readOnlyRootFilesystem: service.read_only === true ? true : undefined,
    allowPrivilegeEscalation: noNew ? false : undefined,
    capabilities: add === undefined && drop === undefined ? undefined : present({ add, drop }),
    seccompProfile: seccomp ? { type: "Unconfined" } : undefined,
  });
  return Object.keys(context).length === 0 ? undefined : context;
}

function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}
