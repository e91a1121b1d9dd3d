import type { Container, ResourceRequirements, SecurityContext } from "#api/gen/types.ts";
import type { Amounts, Port, Project, Service } from "#compose/project/model.ts";
import { exposedPorts, publishedPort } from "#compose/project/read-ports.ts";
import { present } from "#base/present.ts";
import { literal } from "#containers/plan/dollars.ts";
import { containerUser } from "#containers/plan/user.ts";
import { imageOf } from "./names.ts";
import { probesOf } from "#containers/plan/probes.ts";
import { lifecycleOf } from "./hooks.ts";
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
  // One without a value anywhere is not set.
  const env = Object.entries(environment ?? {}).flatMap(([key, value]) =>
    value === null ? [] : [{ name: key, value: literal(value) }],
  );
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
    lifecycle: lifecycleOf(service),
    ...probesOf(service.healthcheck),
  };
  return present(container);
}

function pullPolicy(service: Service): string {
  const { pull_policy: policy = "missing" } = service;
  if (/^(always|refresh|daily|weekly|every_.*)$/.test(policy)) return "Always";
  if (policy === "never") return "Never";
  // The node may have an older image of that name than the one that was built.
  if (policy === "build" || service.build !== undefined) return "Always";
  return "IfNotPresent";
}

function portsOf(service: Service, publish: Publishing): Container["ports"] {
  const published = oncePublished(service).map((it) => containerPort(it, publish));
  const known = new Set(published.map((it) => `${it.containerPort}/${it.protocol ?? ""}`));
  const exposed = exposedPorts(service.expose ?? [])
    .map((it) => ({ containerPort: it.port, protocol: it.protocol.toUpperCase() }))
    .filter((it) => !known.has(`${it.containerPort}/${it.protocol}`));
  const all = [...published, ...exposed];
  return all.length === 0 ? undefined : all;
}

/** Ports that are no second name of one before: a pod has each of its ports once. */
export function oncePublished({ ports = [] }: Service): readonly Port[] {
  const byTarget = new Map<string, Port>();
  for (const it of ports) {
    const key = `${it.target}/${it.protocol}`;
    if (!byTarget.has(key)) byTarget.set(key, it);
  }
  return [...byTarget.values()];
}

function containerPort(port: Port, publish: Publishing): NonNullable<Container["ports"]>[number] {
  const isHost = publish === "host-port" && port.published !== undefined;
  return present({
    containerPort: port.target,
    protocol: port.protocol.toUpperCase(),
    hostPort: isHost ? publishedPort(port) : undefined,
    hostIP:
      isHost && port.host_ip !== undefined && port.host_ip !== "0.0.0.0" ? port.host_ip : undefined,
  });
}

function resourcesOf(service: Service): ResourceRequirements | undefined {
  const { limits: most, reservations: least } = service.deploy?.resources ?? {};
  const limits = amounts({
    cpus: most?.cpus ?? service.cpus ?? quotaOf(service),
    memory: most?.memory ?? service.mem_limit,
  });
  const requests = amounts({
    cpus: least?.cpus,
    memory: least?.memory ?? service.mem_reservation,
  });
  if (limits === undefined && requests === undefined) return undefined;
  return present({ limits, requests });
}

/** Processors of a quota in each period, of 100 ms unless it says otherwise. */
function quotaOf({ cpu_quota: quota, cpu_period: period = 100_000 }: Service): number | undefined {
  return quota === undefined || quota <= 0 || period <= 0 ? undefined : quota / period;
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
  const apparmor = options.some((it) => /^apparmor[:=]unconfined$/.test(it));
  const unmasked = options.some((it) => /^systempaths[:=]unconfined$/.test(it));
  const noNew = options.some((it) => /^no-new-privileges([:=]true)?$/.test(it));
  const context: SecurityContext = present<SecurityContext>({
    runAsUser,
    runAsGroup,
    privileged: service.privileged === true ? true : undefined,
    readOnlyRootFilesystem: service.read_only === true ? true : undefined,
    allowPrivilegeEscalation: noNew ? false : undefined,
    capabilities: add === undefined && drop === undefined ? undefined : present({ add, drop }),
    seccompProfile: seccomp ? { type: "Unconfined" } : undefined,
    appArmorProfile: apparmor ? { type: "Unconfined" } : undefined,
    procMount: unmasked ? "Unmasked" : undefined,
  });
  return Object.keys(context).length === 0 ? undefined : context;
}

function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}
