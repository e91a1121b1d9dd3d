import type {
  Container,
  ContainerPort,
  Pod,
  PodSpec,
  ResourceRequirements,
} from "#api/gen/types.ts";
import { labelValueFaults, objectName, qualifiedNameFaults } from "#api/names.ts";
import { parseBytes } from "#base/amounts.ts";
import { present } from "#base/present.ts";
import { pairsOf } from "#containers/flags/environment.ts";
import type { ContainerMount } from "#containers/flags/mounts.ts";
import {
  containerLabel,
  idAnnotation,
  fillAnnotation,
  imageAnnotation,
  imageCommandAnnotation,
  labelsAnnotation,
  limitsAnnotationPrefix,
  managedBy,
  managedByLabel,
  nameAnnotation,
  networkLabelPrefix,
  removeAnnotation,
} from "#containers/labels.ts";
import { pidsWords, ulimitWords } from "#containers/flags/ulimits.ts";
import type { ContainerOptions, ImageFacts } from "#containers/options.ts";
import { UsageError } from "#containers/usage-error.ts";
import { literal } from "./dollars.ts";
import { healthOf } from "./health.ts";
import { networkOf } from "./network.ts";
import { podSettings } from "./pod-settings.ts";
import { probesOf } from "./probes.ts";
import { securityOf } from "./security.ts";
import { containerUser, userAnnotations } from "./user.ts";
import { planVolumes } from "./volumes.ts";

/** What one container is to be. */
export interface ContainerRequest {
  readonly image: string;
  readonly command: readonly string[];
  readonly options: ContainerOptions;
  /** As the user wrote it, or made up. */
  readonly name: string;
  /** Where a container that was renamed has the pod's usual name. */
  readonly podName?: string | undefined;
  /** 64 digits. */
  readonly id: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly ContainerMount[];
  readonly ports: readonly ContainerPort[];
  /** Undefined where the image is not known here. */
  readonly facts: ImageFacts | undefined;
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  /** The process begins once somebody is attached. */
  readonly attached: boolean;
}

export interface PlannedContainer {
  readonly pod: Pod;
  /** Volumes that are to be there, by the names that the user gave them. */
  readonly volumes: readonly string[];
}

/** Of the one container of a pod. */
const containerName = "container";
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** The handler's class: see `cri/containerd/attach-gate.ts`. */
export const attachedClass = "gantry-attached";

/** @throws {UsageError} for a name that no container may have. */
export function checkContainerName(name: string): string {
  if (namePattern.test(name) && objectName(name) !== "") return name;
  throw new UsageError(
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** The pod that is the container. @throws {UsageError} */
export function planContainer(request: ContainerRequest): PlannedContainer {
  const { options, name, facts } = request;
  const planned = planVolumes(request.mounts, options.shmSize);
  const podName = request.podName ?? objectName(name);
  const network = networkOf(options.network);
  const userLabels = pairsOf(options.label);
  const container = containerOf(request);
  const spec: PodSpec = present<PodSpec>({
    ...podSettings(options, network),
    ...(request.attached ? { runtimeClassName: attachedClass } : {}),
    containers: [
      present<Container>({
        ...container,
        volumeMounts: planned.mounts.length === 0 ? undefined : [...planned.mounts],
      }),
    ],
    volumes: planned.volumes.length === 0 ? undefined : [...planned.volumes],
    os: container.lifecycle === undefined ? undefined : { name: "linux" },
  });
  const shown = options.entrypoint === undefined ? (facts?.command ?? []) : [];
  const pod: Pod = {
    metadata: {
      name: podName,
      labels: {
        ...possibleLabels(userLabels),
        [managedByLabel]: managedBy,
        [containerLabel]: podName,
        ...(network.kind === "named" || network.kind === "none"
          ? { [`${networkLabelPrefix}${objectName(network.name)}`]: "true" }
          : {}),
      },
      annotations: present<Record<string, string>>({
        ...annotationsOf(options.annotation),
        [nameAnnotation]: name,
        [idAnnotation]: request.id,
        [imageAnnotation]: request.image,
        [labelsAnnotation]: JSON.stringify(userLabels),
        ...(shown.length === 0 ? {} : { [imageCommandAnnotation]: JSON.stringify(shown) }),
        ...(options.rm === true ? { [removeAnnotation]: request.attached ? "60" : "0" } : {}),
        ...userAnnotations(containerName, containerUser(options.user)),
        ...limitsOf(options),
        ...(planned.filled.length === 0 ? {} : { [fillAnnotation]: planned.filled.join(",") }),
      }),
    },
    spec,
  };
  return { pod, volumes: planned.named };
}

function containerOf(request: ContainerRequest): Container {
  const { options, command, env } = request;
  const entrypoint = options.entrypoint;
  const stopSignal = options.stopSignal ?? request.facts?.stopSignal;
  return present<Container>({
    name: containerName,
    image: request.image,
    imagePullPolicy: request.imagePullPolicy,
    // An entry point of its own makes the image's command void, as Docker does; an empty one makes
    // the words that follow the command.
    command:
      entrypoint === undefined
        ? undefined
        : entrypoint === ""
          ? command.map(literal)
          : [literal(entrypoint)],
    args: entrypoint === "" || command.length === 0 ? undefined : command.map(literal),
    env:
      env.length === 0 ? undefined : env.map((it) => ({ name: it.name, value: literal(it.value) })),
    ports: request.ports.length === 0 ? undefined : [...request.ports],
    resources: resourcesOf(options),
    securityContext: securityOf(options),
    workingDir: options.workdir,
    stdin: options.interactive === true ? true : undefined,
    // Input ends with the client that the container was started for.
    stdinOnce: options.interactive === true && request.attached ? true : undefined,
    tty: options.tty === true ? true : undefined,
    lifecycle: stopSignal === undefined ? undefined : { stopSignal: signalName(stopSignal) },
    ...probesOf(healthOf(options, request.facts?.health)),
  });
}

function limitsOf({ ulimit, pidsLimit }: ContainerOptions): Record<string, string> {
  const words = [...ulimitWords(ulimit), ...pidsWords(pidsLimit)];
  return words.length === 0
    ? {}
    : { [`${limitsAnnotationPrefix}${containerName}`]: words.join(" ") };
}

/** Limits only: what a container may use is not set aside for it, unless it is said. */
export function resourcesOf(
  options: Pick<
    ContainerOptions,
    "cpuPeriod" | "cpuQuota" | "cpus" | "memory" | "memoryReservation" | "memorySwap"
  >,
): ResourceRequirements | undefined {
  const cpus = cpusOf(options);
  const memory = sizeOf("--memory", options.memory);
  checkSwap(options.memorySwap, memory);
  const reserved = sizeOf("--memory-reservation", options.memoryReservation);
  const limits = amounts(cpus, memory);
  const requests = {
    ...(limits.cpu === undefined ? {} : { cpu: "0" }),
    ...(limits.memory === undefined ? {} : { memory: "0" }),
    ...(reserved === undefined ? {} : { memory: String(reserved) }),
  };
  if (Object.keys({ ...limits, ...requests }).length === 0) return undefined;
  return present({
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    requests: Object.keys(requests).length === 0 ? undefined : requests,
  });
}

/** Docker's default, in microseconds. */
const cpuPeriodUs = 100_000;

function cpusOf({
  cpus,
  cpuPeriod = cpuPeriodUs,
  cpuQuota,
}: Pick<ContainerOptions, "cpuPeriod" | "cpuQuota" | "cpus">): number | undefined {
  if (cpuQuota !== undefined && cpuQuota > 0) {
    if (cpus === undefined) return cpuQuota / cpuPeriod;
    throw new UsageError("conflicting options: --cpus and --cpu-quota cannot both be set");
  }
  const count = cpus === undefined ? undefined : Number(cpus);
  if (count === undefined || count >= 0) return count;
  throw new UsageError(`--cpus ${cpus ?? ""}: expected a number such as 1.5`);
}

/** Memory and swap together: as much as memory alone is what containers have. */
function checkSwap(text: string | undefined, memory: number | undefined): void {
  const swap = text === "-1" ? -1 : sizeOf("--memory-swap", text);
  if (swap === undefined || swap === 0 || swap === memory) return;
  throw new UsageError(
    `--memory-swap ${text ?? ""} is not supported: containers have no swap; give --memory as much`,
  );
}

function amounts(
  cpus: number | undefined,
  memory: number | undefined,
): { cpu?: string; memory?: string } {
  return {
    ...(cpus === undefined || cpus === 0
      ? {}
      : { cpu: `${Math.max(1, Math.round(cpus * 1_000))}m` }),
    ...(memory === undefined || memory === 0 ? {} : { memory: String(memory) }),
  };
}

function sizeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = parseBytes(text);
  if (size === undefined) throw new UsageError(`${flag} ${text}: expected a size such as 512m`);
  return size;
}

/** `TERM`, `SIGTERM`; numbers are those of Linux. */
export function signalName(text: string): string {
  const numbers: Readonly<Record<string, string>> = {
    1: "HUP",
    2: "INT",
    3: "QUIT",
    9: "KILL",
    10: "USR1",
    12: "USR2",
    15: "TERM",
    28: "WINCH",
  };
  const name = numbers[text] ?? text.toUpperCase().replace(/^SIG/, "");
  return `SIG${name}`;
}

/** Those that say what a container is are ours. @throws {UsageError} */
function annotationsOf(entries: readonly string[]): Record<string, string> {
  const found = pairsOf(entries);
  for (const name of Object.keys(found)) {
    const fault =
      qualifiedNameFaults(name)[0] ?? (/gantry\.dev\//.test(name) ? "it is ours" : undefined);
    if (fault !== undefined) throw new UsageError(`--annotation ${name}: ${fault}`);
  }
  return found;
}

/** Those that labels of a pod may be; the others are in the annotation only. */
function possibleLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter(
      ([name, value]) =>
        qualifiedNameFaults(name).length === 0 && labelValueFaults(value).length === 0,
    ),
  );
}
