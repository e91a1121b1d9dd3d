import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Container,
  ContainerConfigSchema,
  ContainerStatus as WireContainerStatus,
  Image,
  LinuxContainerResourcesSchema,
  NamespaceOptionSchema,
  PodSandbox,
  PodSandboxConfigSchema,
  PodSandboxStatus as WireSandboxStatus,
  SecurityProfileSchema,
} from "#cri/gen/cri_pb.ts";
import type {
  ContainerConfig,
  ContainerState,
  ContainerStatus,
  ContainerSummary,
  ImageStatus,
  LinuxResources,
  Mount,
  NamespaceMode,
  SandboxConfig,
  SandboxStatus,
  SandboxSummary,
  SecurityContext,
} from "#cri/runtime.ts";

/**
 * Between our words and CRI v1's messages. Enumerations are numbers in our .proto subset; their
 * values stand here.
 */
const namespaceModes: Readonly<Record<NamespaceMode, number>> = { pod: 0, container: 1, node: 2 };
const targetMode = 3;
const propagations: Readonly<Record<Mount["propagation"], number>> = {
  private: 0,
  "host-to-container": 1,
  bidirectional: 2,
};
const seccompTypes = { "runtime-default": 0, unconfined: 1, localhost: 2 } as const;
const containerStates: readonly ContainerState[] = ["created", "running", "exited", "unknown"];

/** Keeps the manifest's image name beside the digest that containerd is given. */
const imageAnnotation = "gantry.dev/image";

export function toWireSandbox(
  config: SandboxConfig,
): MessageInitShape<typeof PodSandboxConfigSchema> {
  return {
    metadata: config.metadata,
    // On the node's network it is the node's, and cannot be set.
    hostname: config.network === "node" ? "" : config.hostname,
    logDirectory: config.logDirectory,
    dnsConfig: {
      servers: [...config.dns.servers],
      searches: [...config.dns.searches],
      options: [...config.dns.options],
    },
    labels: config.labels,
    annotations: config.annotations,
    linux: {
      cgroupParent: config.cgroupParent,
      sysctls: config.sysctls,
      securityContext: {
        namespaceOptions: namespaces(config, config.pid),
        ...users(config.security),
        readonlyRootfs: config.security.readonlyRootFilesystem,
        privileged: config.privileged,
        seccomp: seccomp(config.security),
      },
    },
  };
}

export function toWireContainer(
  config: ContainerConfig,
  sandbox: SandboxConfig,
): MessageInitShape<typeof ContainerConfigSchema> {
  return {
    metadata: config.metadata,
    image: { image: config.imageId === "" ? config.image : config.imageId },
    command: [...config.command],
    args: [...config.args],
    workingDir: config.workingDir,
    envs: config.env.map((it) => ({ key: it.name, value: it.value })),
    mounts: config.mounts.map((it) => ({ ...it, propagation: propagations[it.propagation] })),
    labels: config.labels,
    annotations: { ...config.annotations, [imageAnnotation]: config.image },
    logPath: config.logPath,
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: toWireResources(config.resources),
      securityContext: {
        capabilities: {
          addCapabilities: [...config.security.addCapabilities],
          dropCapabilities: [...config.security.dropCapabilities],
        },
        privileged: config.security.privileged,
        namespaceOptions: namespaces(sandbox, config.pid, config.targetContainerId),
        ...users(config.security),
        runAsUsername: config.security.runAsUsername ?? "",
        readonlyRootfs: config.security.readonlyRootFilesystem,
        noNewPrivs: config.security.noNewPrivileges,
        maskedPaths: [...config.security.maskedPaths],
        readonlyPaths: [...config.security.readonlyPaths],
        seccomp: seccomp(config.security),
      },
    },
  };
}

export function toWireResources(
  resources: LinuxResources,
): MessageInitShape<typeof LinuxContainerResourcesSchema> {
  return {
    cpuPeriod: BigInt(resources.cpuPeriod),
    cpuQuota: BigInt(resources.cpuQuota),
    cpuShares: BigInt(resources.cpuShares),
    memoryLimitInBytes: BigInt(resources.memoryLimitBytes),
    oomScoreAdj: BigInt(resources.oomScoreAdj),
  };
}

export function fromWireSandbox(wire: PodSandbox | WireSandboxStatus): SandboxSummary {
  return {
    id: wire.id,
    metadata: {
      name: wire.metadata?.name ?? "",
      namespace: wire.metadata?.namespace ?? "",
      uid: wire.metadata?.uid ?? "",
      attempt: wire.metadata?.attempt ?? 0,
    },
    state: wire.state === 0 ? "ready" : "not-ready",
    createdAtMs: toMs(wire.createdAt),
    labels: wire.labels,
    annotations: wire.annotations,
  };
}

/** @param info the verbose answer; its JSON has the pid of the pause process. */
export function fromWireSandboxStatus(
  wire: WireSandboxStatus,
  info: Readonly<Record<string, string>>,
): SandboxStatus {
  const ips = [wire.network?.ip ?? "", ...(wire.network?.additionalIps ?? []).map((it) => it.ip)];
  return {
    ...fromWireSandbox(wire),
    ips: ips.filter((it) => it !== ""),
    pid: parseInfo(info).pid,
  };
}

export function fromWireContainer(wire: Container): ContainerSummary {
  const { [imageAnnotation]: image, ...annotations } = wire.annotations;
  return {
    id: wire.id,
    sandboxId: wire.podSandboxId,
    metadata: { name: wire.metadata?.name ?? "", attempt: wire.metadata?.attempt ?? 0 },
    image: image ?? wire.image?.image ?? "",
    state: containerStates[wire.state] ?? "unknown",
    createdAtMs: toMs(wire.createdAt),
    labels: wire.labels,
    annotations,
  };
}

/** @param info the verbose answer; its JSON has the pid and the sandbox, which the status lacks. */
export function fromWireContainerStatus(
  wire: WireContainerStatus,
  info: Readonly<Record<string, string>>,
): ContainerStatus {
  const { pid, sandboxId } = parseInfo(info);
  const { [imageAnnotation]: image, ...annotations } = wire.annotations;
  const state = containerStates[wire.state] ?? "unknown";
  return {
    id: wire.id,
    sandboxId: sandboxId ?? "",
    metadata: { name: wire.metadata?.name ?? "", attempt: wire.metadata?.attempt ?? 0 },
    image: image ?? wire.image?.image ?? "",
    imageId: wire.imageRef,
    state,
    createdAtMs: toMs(wire.createdAt),
    startedAtMs: toMs(wire.startedAt),
    finishedAtMs: toMs(wire.finishedAt),
    exitCode: wire.exitCode,
    reason: wire.reason,
    message: wire.message,
    logPath: wire.logPath,
    labels: wire.labels,
    annotations,
    pid: state === "running" ? pid : undefined,
  };
}

export function fromWireImage(wire: Image): ImageStatus {
  return {
    id: wire.id,
    tags: wire.repoTags,
    digests: wire.repoDigests,
    sizeBytes: Number(wire.size),
    uid: wire.uid === undefined ? undefined : Number(wire.uid.value),
    username: wire.username,
  };
}

/** CRI's times are nanoseconds since the epoch; 0 (or less) is never. */
function toMs(nanoseconds: bigint): number {
  return nanoseconds <= 0n ? 0 : Number(nanoseconds / 1_000_000n);
}

function namespaces(
  sandbox: SandboxConfig,
  pid: NamespaceMode,
  target?: string,
): MessageInitShape<typeof NamespaceOptionSchema> {
  const targeted = pid === "container" && target !== undefined;
  return {
    network: namespaceModes[sandbox.network],
    ipc: namespaceModes[sandbox.ipc],
    pid: targeted ? targetMode : namespaceModes[pid],
    targetId: targeted ? target : "",
  };
}

function users(security: SecurityContext): {
  runAsUser?: { value: bigint };
  runAsGroup?: { value: bigint };
  supplementalGroups: bigint[];
} {
  const { runAsUser, runAsGroup } = security;
  return {
    ...(runAsUser === undefined ? {} : { runAsUser: { value: BigInt(runAsUser) } }),
    ...(runAsGroup === undefined ? {} : { runAsGroup: { value: BigInt(runAsGroup) } }),
    supplementalGroups: security.supplementalGroups.map(BigInt),
  };
}

function seccomp(security: SecurityContext): MessageInitShape<typeof SecurityProfileSchema> {
  const profile = security.seccomp;
  return {
    profileType: seccompTypes[profile.kind],
    localhostRef: profile.kind === "localhost" ? profile.path : "",
  };
}

function parseInfo(info: Readonly<Record<string, string>>): {
  pid: number | undefined;
  sandboxId: string | undefined;
} {
  const text = info["info"];
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof value !== "object" || value === null) return { pid: undefined, sandboxId: undefined };
  const { pid, sandboxID } = value as { pid?: unknown; sandboxID?: unknown };
  return {
    pid: typeof pid === "number" && pid > 0 ? pid : undefined,
    sandboxId: typeof sandboxID === "string" ? sandboxID : undefined,
  };
}
