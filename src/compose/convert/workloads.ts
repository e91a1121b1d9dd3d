import { createHash } from "node:crypto";
import type { DaemonSet, Deployment, Job, PodSpec, PodTemplateSpec } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { fillAnnotation } from "#containers/labels.ts";
import type { Project, Service } from "#compose/project/model.ts";
import { present } from "#base/present.ts";
import { containerUser, userAnnotations } from "#containers/plan/user.ts";
import { containerOf, type Publishing } from "./container.ts";
import {
  networkLabelPrefix,
  networksOf,
  serviceLabels,
  serviceSelector,
  templateLabel,
} from "./names.ts";
import { placementOf } from "./placement.ts";
import { daemonUpdate, deploymentUpdate } from "./updates.ts";
import { volumesOf, type VolumePorts } from "./volumes.ts";

/** An address that only Docker knows. */
export const hostGateway = "host-gateway";

export type Workload = Deployment | DaemonSet | Job;

/** Docker's, where a service does not say. */
const graceSeconds = 10;
const builtAnnotation = "gantry.dev/built-image";
/** Attempts of a service that restarts on failure without a number. */
const backoffLimit = 6;

export interface WorkloadOptions extends VolumePorts {
  readonly publish: Publishing;
  /** Digest of what a service's build has given; undefined where it is not known. */
  readonly built?: ((service: string) => string | undefined) | undefined;
}

/**
 * What runs a service: a Job when it is to end, a DaemonSet in global mode, else a Deployment.
 */
export function workloadOf(
  project: Project,
  name: string,
  service: Service,
  options: WorkloadOptions,
): Workload {
  const labels = serviceLabels(project, name);
  const metadata = present({
    name: objectName(name),
    labels,
    annotations: service.deploy?.labels === undefined ? undefined : { ...service.deploy.labels },
  });
  const template = named(templateOf(project, name, service, options));
  const selector = { matchLabels: serviceSelector(project, name) };
  if (endsByItself(project, name, service)) return jobOf(service, metadata, template);
  if (service.deploy?.mode === "global") {
    const spec = { selector, ...daemonUpdate(service), template };
    return { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec };
  }
  const keepsOne = (template.spec?.volumes ?? []).some(
    (it) => it.persistentVolumeClaim !== undefined,
  );
  const holdsPort = template.spec?.containers.some((it) =>
    (it.ports ?? []).some((port) => port.hostPort !== undefined),
  );
  // Two at a time could not have the same volume or the same port of the node.
  const isAlone = keepsOne || holdsPort === true;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: replicasOf(service),
      selector,
      ...deploymentUpdate(service, isAlone),
      template,
    },
  };
}

export function replicasOf(service: Service): number {
  return service.scale ?? service.deploy?.replicas ?? 1;
}

/** Others wait for its end, or it says that it is not to be started again. */
export function endsByItself(project: Project, name: string, service: Service): boolean {
  const mode = service.deploy?.mode ?? "";
  if (mode.endsWith("-job")) return true;
  if (service.restart === "no" || service.restart?.startsWith("on-failure") === true) return true;
  if (service.restart !== undefined) return false;
  const condition = service.deploy?.restart_policy?.condition;
  if (condition === "none" || condition === "on-failure") return true;
  return Object.values(project.services).some(
    (it) => it.depends_on?.[name]?.condition === "service_completed_successfully",
  );
}

/** With a label that tells its pods from those of the template before. */
function named(template: PodTemplateSpec): PodTemplateSpec {
  const hash = createHash("sha256").update(JSON.stringify(template)).digest("hex").slice(0, 16);
  const labels = { ...template.metadata?.labels, [templateLabel]: hash };
  return { ...template, metadata: { ...template.metadata, labels } };
}

function jobOf(service: Service, metadata: Job["metadata"], template: PodTemplateSpec): Job {
  const [, attempts] = /^on-failure:(\d+)$/.exec(service.restart ?? "") ?? [];
  const retries =
    service.restart?.startsWith("on-failure") === true ||
    service.deploy?.restart_policy?.condition === "on-failure";
  const limit =
    attempts === undefined
      ? (service.deploy?.restart_policy?.max_attempts ?? backoffLimit)
      : Number(attempts);
  const restartPolicy = retries ? "OnFailure" : "Never";
  const count = replicasOf(service);
  const spec: PodSpec = { containers: [], ...template.spec, restartPolicy };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata ?? {},
    spec: {
      ...(count > 1 ? { completions: count, parallelism: count } : {}),
      backoffLimit: retries ? limit : 0,
      template: { ...template, spec },
    },
  };
}

function templateOf(
  project: Project,
  name: string,
  service: Service,
  options: WorkloadOptions,
): PodTemplateSpec {
  const { volumes, mounts, filled } = volumesOf(project, service, options);
  const container = containerOf(project, name, service, {
    name: objectName(service.container_name ?? name),
    mounts,
    publish: options.publish,
  });
  const networks: Record<string, string> = {};
  for (const it of networksOf(service)) networks[`${networkLabelPrefix}${objectName(it)}`] = "true";
  const built = options.built?.(name);
  const annotations = {
    ...service.labels,
    ...service.annotations,
    // Another image of the same name is another definition.
    ...(built === undefined ? {} : { [builtAnnotation]: built }),
    ...userAnnotations(container.name, containerUser(service.user)),
    ...(filled.length === 0 ? {} : { [fillAnnotation]: filled.join(",") }),
  };
  return {
    metadata: present({
      labels: { ...serviceLabels(project, name), ...networks },
      annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    }),
    spec: present<PodSpec>({
      ...podSettings(service),
      ...placementOf(service, serviceSelector(project, name)),
      // Which signals there are depends on the system.
      os: container.lifecycle === undefined ? undefined : { name: "linux" },
      containers: [container],
      volumes: volumes.length === 0 ? undefined : [...volumes],
    }),
  };
}

function podSettings(service: Service): Omit<PodSpec, "containers"> {
  const grace = service.stop_grace_period;
  return present<Omit<PodSpec, "containers">>({
    hostname: service.hostname === undefined ? undefined : objectName(service.hostname),
    hostNetwork: service.network_mode === "host" ? true : undefined,
    hostPID: service.pid === "host" ? true : undefined,
    hostIPC: service.ipc === "host" ? true : undefined,
    // The sandbox's process becomes number one, and buries those whose parents have ended.
    shareProcessNamespace: service.init === true && service.pid !== "host" ? true : undefined,
    hostAliases: hostAliases(service.extra_hosts ?? []),
    dnsPolicy: service.network_mode === "host" ? "ClusterFirstWithHostNet" : undefined,
    dnsConfig: dnsOf(service),
    runtimeClassName: service.runtime,
    securityContext: podSecurity(service),
    terminationGracePeriodSeconds: grace === undefined ? graceSeconds : Math.ceil(grace / 1_000),
    // Containers of a compose file know neither the cluster nor variables of other services.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
  });
}

/** An entry for each address, with its names. */
function hostAliases(hosts: readonly string[]): PodSpec["hostAliases"] {
  const byAddress = new Map<string, string[]>();
  for (const it of hosts) {
    const at = it.indexOf("=");
    const [name, ip] = [it.slice(0, at), it.slice(at + 1)];
    if (ip !== hostGateway) byAddress.set(ip, [...(byAddress.get(ip) ?? []), name]);
  }
  if (byAddress.size === 0) return undefined;
  return [...byAddress].map(([ip, hostnames]) => ({ ip, hostnames }));
}

function podSecurity(service: Service): PodSpec["securityContext"] {
  const groups = (service.group_add ?? []).map(Number).filter((it) => Number.isInteger(it));
  const sysctls = Object.entries(service.sysctls ?? {}).map(([name, value]) => ({ name, value }));
  if (groups.length === 0 && sysctls.length === 0) return undefined;
  return present({
    supplementalGroups: groups.length === 0 ? undefined : groups,
    sysctls: sysctls.length === 0 ? undefined : sysctls,
  });
}

function dnsOf(service: Service): PodSpec["dnsConfig"] {
  const { dns, dns_search: searches, dns_opt: options } = service;
  if (dns === undefined && searches === undefined && options === undefined) return undefined;
  return present({
    nameservers: dns === undefined ? undefined : [...dns],
    searches: searches === undefined ? undefined : [...searches],
    options: options?.map((it) => {
      const [name = "", value] = it.split(":");
      return present({ name, value });
    }),
  });
}
