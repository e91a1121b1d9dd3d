import type { ContainerConfig, ContainerState, SandboxConfig } from "#cri/runtime.ts";
import type { Pipe } from "./process.ts";

/** What is kept for each sandbox; thousands must fit, so configurations are shared, not copied. */
export interface SimulatedSandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly createdAtMs: number;
  readonly ip: string | undefined;
  ready: boolean;
}

export interface SimulatedContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly logPath: string;
  readonly createdAtMs: number;
  state: ContainerState;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  reason: string;
  /** Aborts when the container ends. Only of one that does more than wait, or is watched. */
  stop: AbortController | undefined;
  /** Of a container with `stdin: true` that runs. */
  stdin: Pipe | undefined;
  /** Those who watch its output now. */
  attached: Set<(stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void>> | undefined;
}
