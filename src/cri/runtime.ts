import type { FileHandle } from "node:fs/promises";

/**
 * What the node agent asks of a container runtime: the Container Runtime Interface v1
 * (cri-api `pkg/apis/runtime/v1/api.proto`) in our own words. `containerd/` speaks it over gRPC,
 * `simulated/` runs no processes. Both pass `testing/runtime/suite.ts`.
 */
export interface Runtime {
  version(signal: AbortSignal): Promise<RuntimeVersion>;
  status(signal: AbortSignal): Promise<RuntimeStatus>;

  /** Makes the sandbox with its network; resolves with its id. @throws {RuntimeError} */
  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string>;
  /** Ends every process of the sandbox and releases its network. Unknown ids are success. */
  stopSandbox(id: string, signal: AbortSignal): Promise<void>;
  removeSandbox(id: string, signal: AbortSignal): Promise<void>;
  sandboxStatus(id: string, signal: AbortSignal): Promise<SandboxStatus | undefined>;
  listSandboxes(signal: AbortSignal): Promise<readonly SandboxSummary[]>;

  /** @throws {RuntimeError} `image-not-found` when the image is not on the node. */
  createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    signal: AbortSignal,
  ): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Sends the stop signal, and SIGKILL after `timeoutSeconds`. Unknown ids are success. */
  stopContainer(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  containerStatus(id: string, signal: AbortSignal): Promise<ContainerStatus | undefined>;
  listContainers(signal: AbortSignal): Promise<readonly ContainerSummary[]>;
  updateResources(id: string, resources: LinuxResources, signal: AbortSignal): Promise<void>;
  /** Called after the log file was renamed, so that the runtime opens a new one. */
  reopenLog(id: string, signal: AbortSignal): Promise<void>;

  /** Runs to the end. A command that exits non-zero is a result, not an error. */
  execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecResult>;
  /** Aborting ends the session, here and in the two below. */
  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ProcessSession>;
  attach(id: string, options: AttachOptions, signal: AbortSignal): Promise<ProcessSession>;
  /** One connection to a port inside the sandbox's network. */
  portForward(sandboxId: string, port: number, signal: AbortSignal): Promise<ByteStream>;

  /** @throws {RuntimeError} with the registry's answer in the message. */
  pullImage(
    reference: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<string>;
  imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined>;
  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]>;
  removeImage(reference: string, signal: AbortSignal): Promise<void>;
  /** Puts a tar of an OCI layout or docker archive into the image store; resolves with its names. */
  importImage(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<readonly string[]>;

  /**
   * Makes the files of an image that is on the node visible, read-only: resolves with the mount
   * that shows them, and undefined where images have no files. They are kept until `key` is
   * released; asking again with the same key gives the same.
   */
  viewImage(
    imageId: string,
    key: string,
    signal: AbortSignal,
  ): Promise<FileSystemMount | undefined>;
  /** The mount is gone. A key that is not known is success. */
  releaseImage(key: string, signal: AbortSignal): Promise<void>;

  /** Undefined where containers have no processes and no files. */
  readonly access: ContainerAccess | undefined;

  /** Something happened to a container; the state is read, not taken from the event. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

/** Why the runtime refused, where the caller must tell cases apart. */
export type RuntimeErrorKind =
  "image-not-found" | "name-reserved" | "not-found" | "timeout" | "unavailable" | "other";

export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly kind: RuntimeErrorKind;

  constructor(kind: RuntimeErrorKind, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

export interface RuntimeVersion {
  /** `containerd`, `simulated`. */
  readonly name: string;
  readonly version: string;
}

export interface RuntimeStatus {
  readonly runtimeReady: boolean;
  readonly networkReady: boolean;
  /** Why one is not ready, for the node's condition. */
  readonly message: string;
}

export interface SandboxMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Raised when a pod's sandbox is made again. */
  readonly attempt: number;
}

/** Whose namespace a sandbox or container lives in. */
export type NamespaceMode = "pod" | "container" | "node";

export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  readonly hostname: string;
  /** Container log paths are relative to it. Empty: what containers print is dropped. */
  readonly logDirectory: string;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupParent: string;
  readonly network: "pod" | "node";
  readonly pid: NamespaceMode;
  readonly ipc: "pod" | "node";
  readonly sysctls: Readonly<Record<string, string>>;
  readonly privileged: boolean;
  readonly security: SecurityContext;
  /** Empty for the default. */
  readonly runtimeHandler: string;
}

export interface SecurityContext {
  readonly runAsUser?: number | undefined;
  /** The image's own user by name; counts where there is no number. Containers only. */
  readonly runAsUsername?: string | undefined;
  readonly runAsGroup?: number | undefined;
  readonly supplementalGroups: readonly number[];
  readonly readonlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly seccomp:
    | { readonly kind: "runtime-default" | "unconfined" }
    | { readonly kind: "localhost"; readonly path: string };
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

export interface SandboxSummary {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: "ready" | "not-ready";
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SandboxStatus extends SandboxSummary {
  /** Empty for a sandbox on the node's network. */
  readonly ips: readonly string[];
  /** Of the pause process; undefined once stopped and in the simulation. */
  readonly pid: number | undefined;
}

export interface ContainerMetadata {
  readonly name: string;
  /** The restart count. */
  readonly attempt: number;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation: "private" | "host-to-container" | "bidirectional";
}

export interface LinuxResources {
  /** CFS period in microseconds; 0 leaves it. */
  readonly cpuPeriod: number;
  /** CFS quota in microseconds per period; 0 leaves it, -1 is no limit. */
  readonly cpuQuota: number;
  readonly cpuShares: number;
  /** 0 is no limit. */
  readonly memoryLimitBytes: number;
  readonly oomScoreAdj: number;
}

export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  /** As the manifest says it; `imageId` is what the pull resolved it to. */
  readonly image: string;
  readonly imageId: string;
  /** Replaces the entrypoint; empty keeps the image's. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: LinuxResources;
  readonly security: SecurityContext;
  readonly pid: NamespaceMode;
  /** Set with `pid: "container"` of another container (kubectl debug --target). */
  readonly targetContainerId?: string | undefined;
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface ContainerSummary {
  readonly id: string;
  readonly sandboxId: string;
  readonly metadata: ContainerMetadata;
  readonly image: string;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerStatus extends ContainerSummary {
  readonly imageId: string;
  /** 0 until it happened. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, or empty. */
  readonly reason: string;
  readonly message: string;
  /** Absolute. */
  readonly logPath: string;
  /** Process id on the node; undefined when not running and in the simulation. */
  readonly pid: number | undefined;
}

export interface ExecResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ExecOptions extends AttachOptions {
  readonly command: readonly string[];
}

/** Bytes both ways with back-pressure; `end` half-closes. */
export interface ByteStream {
  readonly output: AsyncIterable<Uint8Array>;
  write(chunk: Uint8Array): Promise<void>;
  end(): void;
  /** Drops the connection. */
  close(): void;
}

/** A process that a person talks to. */
export interface ProcessSession {
  /** Ends when the process closed it; empty when it was not asked for. */
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  writeStdin(chunk: Uint8Array): Promise<void>;
  endStdin(): void;
  resize(columns: number, rows: number): void;
  /** Settles after the outputs ended. `exit` for exec; attach ends with code 0. */
  readonly result: Promise<SessionResult>;
  /** Detaches; the process may go on. */
  close(): void;
}

export type SessionResult =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "error"; readonly message: string };

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  /** A bearer token instead of the two above. */
  readonly identityToken?: string | undefined;
  readonly serverAddress?: string | undefined;
}

export interface ImageStatus {
  /** Digest of the config: `sha256:…`. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** Numeric user of the image's config; undefined when it names one or none. */
  readonly uid: number | undefined;
  readonly username: string;
}

/** What mount(8) is to be told. */
export interface FileSystemMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface RuntimeEvent {
  readonly kind: "created" | "started" | "exited" | "oom" | "deleted";
  /** Of a container or a sandbox. */
  readonly id: string;
}

/** How a further process of a container differs from its first one. */
export interface ProcessSettings {
  /** `user[:group]`, names of the container's own files or numbers; undefined: as the first one. */
  readonly user: string | undefined;
  /** Absolute; undefined: as the first one. */
  readonly workdir: string | undefined;
  /** `NAME=value`, beside those of the first one. */
  readonly env: readonly string[];
  /** With every capability. */
  readonly privileged: boolean;
}

export interface AccessExecOptions extends AttachOptions, ProcessSettings {
  readonly command: readonly string[];
}

/** What a container has changed of its image's files. */
export interface ChangedFiles {
  /** The directories of the image's layers, the topmost first. */
  readonly lowerDirectories: readonly string[];
  /** The changes as the uncompressed tar of an image's layer. */
  readonly layer: AsyncIterable<Uint8Array>;
}

/**
 * What Docker's users do inside containers, for which CRI has no words. All of it stays within the
 * container's own namespaces and control group.
 */
export interface ContainerAccess {
  /**
   * Runs a process as somebody else, elsewhere, with other rights; aborting kills it.
   * @throws {RuntimeError} when it cannot be started.
   */
  exec(id: string, options: AccessExecOptions, signal: AbortSignal): Promise<ProcessSession>;
  /** Starts a process without input or output that goes on by itself. @throws {RuntimeError} */
  startDetached(
    id: string,
    options: Omit<AccessExecOptions, keyof AttachOptions>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Freezes every process. @throws {RuntimeError} */
  pause(id: string, signal: AbortSignal): Promise<void>;
  resume(id: string, signal: AbortSignal): Promise<void>;
  /** Ids of its processes on this node. */
  processIds(id: string, signal: AbortSignal): Promise<readonly number[]>;
  changedFiles(id: string, signal: AbortSignal): Promise<ChangedFiles>;
  /** The root directory of one that has ended, without volumes. Close it. @throws {RuntimeError} */
  openStoppedFiles(id: string, signal: AbortSignal): Promise<FileHandle>;
}
