import type { AttachOptions, ProcessSession } from "./runtime.ts";

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
}
