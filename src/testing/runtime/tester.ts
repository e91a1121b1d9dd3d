import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type ContainerConfig,
  type ContainerStatus,
  type Runtime,
  RuntimeError,
  type RuntimeErrorKind,
  type SandboxConfig,
  type SecurityContext,
} from "#cri/runtime.ts";
import { eventuallyAnswers } from "#testing/eventually.ts";

export interface RuntimeFixture {
  readonly runtime: Runtime;
  /** An image on the node with a shell and the usual small programs. */
  readonly image: string;
  /** One that neither the node nor any registry has. */
  readonly missingImage: string;
  /** An empty directory of the test. */
  readonly directory: string;
  /** For the sandboxes; the fixture removes it. */
  readonly cgroupParent: string;
  close(): Promise<void>;
}

export const plainSecurity: SecurityContext = {
  supplementalGroups: [],
  readonlyRootFilesystem: false,
  noNewPrivileges: false,
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
  seccomp: { kind: "runtime-default" },
  maskedPaths: [],
  readonlyPaths: [],
};

/** Makes pods in a fixture; names are given once. */
export class RuntimeTester {
  readonly fixture: RuntimeFixture;
  readonly signal: AbortSignal = new AbortController().signal;
  #pods = 0;

  constructor(fixture: RuntimeFixture) {
    this.fixture = fixture;
  }

  get runtime(): Runtime {
    return this.fixture.runtime;
  }

  sandboxConfig(changes: Partial<SandboxConfig> = {}): SandboxConfig {
    this.#pods += 1;
    const name = `pod-${this.#pods}`;
    return {
      metadata: { name, namespace: "suite", uid: `uid-${this.#pods}`, attempt: 0 },
      hostname: name,
      logDirectory: join(this.fixture.directory, "logs", name),
      dns: { servers: ["10.96.0.10"], searches: ["cluster.local"], options: ["ndots:5"] },
      labels: { app: name },
      annotations: { note: "made by the suite" },
      cgroupParent: `${this.fixture.cgroupParent}/${name}`,
      network: "pod",
      pid: "container",
      ipc: "pod",
      sysctls: {},
      privileged: false,
      security: plainSecurity,
      runtimeHandler: "",
      ...changes,
    };
  }

  containerConfig(
    command: readonly string[],
    changes: Partial<ContainerConfig> = {},
  ): ContainerConfig {
    return {
      metadata: { name: "main", attempt: 0 },
      image: this.fixture.image,
      imageId: "",
      command,
      args: [],
      workingDir: "",
      env: [],
      mounts: [],
      labels: { tier: "test" },
      annotations: { answer: "42" },
      logPath: "main.log",
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: {
        cpuPeriod: 0,
        cpuQuota: 0,
        cpuShares: 2,
        memoryLimitBytes: 0,
        oomScoreAdj: 1000,
      },
      security: plainSecurity,
      pid: "container",
      ...changes,
    };
  }

  /** A sandbox with one started container; removed when `use` ends. */
  async withContainer(
    command: readonly string[],
    use: (pod: { sandboxId: string; id: string; config: ContainerConfig }) => Promise<void>,
    changes: Partial<ContainerConfig> = {},
  ): Promise<void> {
    const sandbox = this.sandboxConfig();
    const config = this.containerConfig(command, changes);
    await this.withSandbox(sandbox, async (sandboxId) => {
      const id = await this.runtime.createContainer(sandboxId, config, sandbox, this.signal);
      await this.runtime.startContainer(id, this.signal);
      await use({ sandboxId, id, config });
    });
  }

  async withSandbox(config: SandboxConfig, use: (id: string) => Promise<void>): Promise<void> {
    await mkdir(config.logDirectory, { recursive: true });
    const id = await this.runtime.runSandbox(config, this.signal);
    try {
      await use(id);
    } finally {
      await this.runtime.stopSandbox(id, this.signal);
      await this.runtime.removeSandbox(id, this.signal);
    }
  }

  async exited(id: string): Promise<ContainerStatus> {
    return await eventuallyAnswers(
      () => this.runtime.containerStatus(id, this.signal),
      (it) => it?.state === "exited",
    );
  }

  async fails(kind: RuntimeErrorKind, doing: Promise<unknown>): Promise<void> {
    await assert.rejects(doing, (error) => {
      assert.ok(error instanceof RuntimeError, String(error));
      assert.equal(error.kind, kind, error.message);
      return true;
    });
  }
}
