import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Clock } from "#base/clock.ts";
import { RuntimeService } from "#cri/gen/cri_pb.ts";
import {
  type AttachOptions,
  type ByteStream,
  type ContainerConfig,
  type ContainerStatus,
  type ContainerSummary,
  type ExecOptions,
  type ExecResult,
  type FileSystemMount,
  type ImageStatus,
  type LinuxResources,
  type ProcessSession,
  type RegistryAuth,
  type Runtime,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeStatus,
  type RuntimeVersion,
  type SandboxConfig,
  type SandboxStatus,
  type SandboxSummary,
} from "#cri/runtime.ts";
import { ContainerdAccess } from "./access.ts";
import { forgetGate, openGate } from "./attach-gate.ts";
import { type Subject, toRuntimeError } from "./errors.ts";
import { containerdEvents } from "./events.ts";
import { GrpcConnection } from "./grpc.ts";
import { ImageStore } from "./image-store.ts";
import { ImageViews } from "./image-views.ts";
import type { NodeLayout } from "./layout.ts";
import { openPortForward, openProcessSession } from "./sessions.ts";
import {
  fromWireContainer,
  fromWireContainerStatus,
  fromWireSandbox,
  fromWireSandboxStatus,
  toWireContainer,
  toWireResources,
  toWireSandbox,
} from "./wire.ts";

export interface ContainerdRuntimeOptions {
  /** Of the node: where containers wait until somebody is attached to them, and the like. */
  readonly layout: Pick<NodeLayout, "socket" | "gateDir" | "bundles" | "execDir">;
  readonly clock: Clock;
  /** The image of every sandbox, imported again when somebody has removed it. */
  readonly pauseImage: {
    readonly name: string;
    archive(): AsyncIterable<Uint8Array>;
  };
}

/** A call that hangs longer than this is given up; pulls and long commands have their own bounds. */
const callMsMax = 2 * 60 * 1000;

/** Calls whose failures users read in events, which say themselves what was tried. */
const toldAlone: ReadonlySet<string> = new Set(["CreateContainer", "StartContainer"]);

/** containerd 1.6 and later, over CRI v1 and its own services. Dispose it to close the connection. */
export class ContainerdRuntime implements Runtime, Disposable {
  readonly #connection: GrpcConnection;
  readonly #clock: Clock;
  readonly #gateDir: string;
  readonly #images: ImageStore;
  readonly #views: ImageViews;
  readonly #pauseImage: ContainerdRuntimeOptions["pauseImage"];
  readonly access: ContainerdAccess;

  constructor(options: ContainerdRuntimeOptions) {
    this.#connection = new GrpcConnection(options.layout.socket);
    this.#clock = options.clock;
    this.#gateDir = options.layout.gateDir;
    this.#images = new ImageStore(this.#connection, options.clock);
    this.#views = new ImageViews(this.#connection, options.clock);
    this.#pauseImage = options.pauseImage;
    const { bundles, execDir } = options.layout;
    this.access = new ContainerdAccess({
      connection: this.#connection,
      clock: options.clock,
      bundles,
      execDir,
      firstProcess: async (id, signal) => (await this.containerStatus(id, signal))?.pid,
    });
  }

  async version(signal: AbortSignal): Promise<RuntimeVersion> {
    const answer = await this.#call("runtime", RuntimeService.method.version, {}, signal);
    return { name: answer.runtimeName, version: answer.runtimeVersion };
  }

  async status(signal: AbortSignal): Promise<RuntimeStatus> {
    const answer = await this.#call("runtime", RuntimeService.method.status, {}, signal);
    const conditions = answer.status?.conditions ?? [];
    function isTrue(type: string): boolean {
      return conditions.some((it) => it.type === type && it.status);
    }
    return {
      runtimeReady: isTrue("RuntimeReady"),
      networkReady: isTrue("NetworkReady"),
      message: conditions
        .filter((it) => !it.status)
        .map((it) => `${it.type}: ${it.message}`)
        .join("; "),
    };
  }

  async runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    const method = RuntimeService.method.runPodSandbox;
    const request = { config: toWireSandbox(config), runtimeHandler: config.runtimeHandler };
    try {
      return (await this.#call("sandbox", method, request, signal)).podSandboxId;
    } catch (error) {
      // Without its image containerd tries a registry that does not exist. It is ours to bring back.
      if (!(error instanceof RuntimeError) || error.kind === "name-reserved") throw error;
      if ((await this.imageStatus(this.#pauseImage.name, signal)) !== undefined) throw error;
      await this.importImage(this.#pauseImage.archive(), signal);
      return (await this.#call("sandbox", method, request, signal)).podSandboxId;
    }
  }

  async stopSandbox(id: string, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.stopPodSandbox;
    await found(this.#call("sandbox", method, { podSandboxId: id }, signal));
  }

  async removeSandbox(id: string, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.removePodSandbox;
    await found(this.#call("sandbox", method, { podSandboxId: id }, signal));
    await forgetGate(this.#gateDir, id);
  }

  async sandboxStatus(id: string, signal: AbortSignal): Promise<SandboxStatus | undefined> {
    const method = RuntimeService.method.podSandboxStatus;
    const request = { podSandboxId: id, verbose: true };
    const answer = await found(this.#call("sandbox", method, request, signal));
    if (answer?.status === undefined) return undefined;
    return fromWireSandboxStatus(answer.status, answer.info);
  }

  async listSandboxes(signal: AbortSignal): Promise<readonly SandboxSummary[]> {
    const answer = await this.#call("sandbox", RuntimeService.method.listPodSandbox, {}, signal);
    return answer.items.map(fromWireSandbox);
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    signal: AbortSignal,
  ): Promise<string> {
    const request = {
      podSandboxId: sandboxId,
      config: toWireContainer(config, sandbox),
      sandboxConfig: toWireSandbox(sandbox),
    };
    const method = RuntimeService.method.createContainer;
    return (await this.#call("container", method, request, signal)).containerId;
  }

  async startContainer(id: string, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.startContainer;
    await this.#call("container", method, { containerId: id }, signal);
  }

  async stopContainer(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    const request = { containerId: id, timeout: BigInt(Math.ceil(timeoutSeconds)) };
    const deadlineMs = this.#clock.now() + timeoutSeconds * 1000 + callMsMax;
    const method = RuntimeService.method.stopContainer;
    await found(this.#call("container", method, request, signal, deadlineMs));
  }

  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.removeContainer;
    await found(this.#call("container", method, { containerId: id }, signal));
  }

  async containerStatus(id: string, signal: AbortSignal): Promise<ContainerStatus | undefined> {
    const method = RuntimeService.method.containerStatus;
    const request = { containerId: id, verbose: true };
    const answer = await found(this.#call("container", method, request, signal));
    if (answer?.status === undefined) return undefined;
    return fromWireContainerStatus(answer.status, answer.info);
  }

  async listContainers(signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    const answer = await this.#call("container", RuntimeService.method.listContainers, {}, signal);
    return answer.containers.map(fromWireContainer);
  }

  async updateResources(id: string, resources: LinuxResources, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.updateContainerResources;
    const request = { containerId: id, linux: toWireResources(resources) };
    await this.#call("container", method, request, signal);
  }

  async reopenLog(id: string, signal: AbortSignal): Promise<void> {
    const method = RuntimeService.method.reopenContainerLog;
    await this.#call("container", method, { containerId: id }, signal);
  }

  async execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecResult> {
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    const request = { containerId: id, cmd: [...command], timeout: BigInt(seconds) };
    const deadlineMs = this.#clock.now() + seconds * 1000 + callMsMax;
    const method = RuntimeService.method.execSync;
    const answer = await this.#call("container", method, request, signal, deadlineMs);
    return { stdout: answer.stdout, stderr: answer.stderr, exitCode: answer.exitCode };
  }

  async exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ProcessSession> {
    const { url } = await this.#call(
      "container",
      RuntimeService.method.exec,
      {
        containerId: id,
        cmd: [...options.command],
        tty: options.tty,
        stdin: options.stdin,
        stdout: options.stdout,
        stderr: options.stderr && !options.tty,
      },
      signal,
    );
    return await openProcessSession(url, options, signal);
  }

  async attach(id: string, options: AttachOptions, signal: AbortSignal): Promise<ProcessSession> {
    const { url } = await this.#call(
      "container",
      RuntimeService.method.attach,
      {
        containerId: id,
        tty: options.tty,
        stdin: options.stdin,
        stdout: options.stdout,
        stderr: options.stderr && !options.tty,
      },
      signal,
    );
    const session = await openProcessSession(url, options, signal);
    await this.#openGate(id, signal);
    return session;
  }

  async portForward(sandboxId: string, port: number, signal: AbortSignal): Promise<ByteStream> {
    const method = RuntimeService.method.portForward;
    const request = { podSandboxId: sandboxId, port: [port] };
    const { url } = await this.#call("sandbox", method, request, signal);
    return await openPortForward(url, port, signal);
  }

  pullImage(
    reference: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    return this.#images.pull(reference, auth, signal);
  }

  imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    return this.#images.status(reference, signal);
  }

  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    return this.#images.list(signal);
  }

  removeImage(reference: string, signal: AbortSignal): Promise<void> {
    return this.#images.remove(reference, signal);
  }

  importImage(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<readonly string[]> {
    return this.#images.import(tar, signal);
  }

  viewImage(imageId: string, key: string, signal: AbortSignal): Promise<FileSystemMount> {
    return this.#views.view(imageId, key, signal);
  }

  releaseImage(key: string, signal: AbortSignal): Promise<void> {
    return this.#views.release(key, signal);
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return containerdEvents(
      {
        connection: this.#connection,
        clock: this.#clock,
        isRunning: (id, stop) => this.#isRunning(id, stop),
        current: (stop) => this.#current(stop),
      },
      signal,
    );
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  async #openGate(id: string, signal: AbortSignal): Promise<void> {
    const containers = await this.listContainers(signal);
    const sandbox = containers.find((it) => it.id === id)?.sandboxId;
    if (sandbox !== undefined) await openGate(this.#gateDir, { container: id, sandbox });
  }

  async #isRunning(id: string, signal: AbortSignal): Promise<boolean> {
    const container = await this.containerStatus(id, signal);
    // A short command's exit event comes before the status even says that it was started.
    if (container !== undefined) return container.state !== "exited";
    return (await this.sandboxStatus(id, signal))?.state === "ready";
  }

  async #current(signal: AbortSignal): Promise<readonly RuntimeEvent[]> {
    const containers = await this.listContainers(signal);
    const sandboxes = await this.listSandboxes(signal);
    return [
      ...containers
        .filter((it) => it.state === "running" || it.state === "exited")
        .map((it): RuntimeEvent => ({
          kind: it.state === "running" ? "started" : "exited",
          id: it.id,
        })),
      ...sandboxes.map((it): RuntimeEvent => ({
        kind: it.state === "ready" ? "started" : "exited",
        id: it.id,
      })),
    ];
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    subject: Subject,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    // The deadline has a default, and so comes after the signal.
    ...[signal, deadlineMs]: [signal: AbortSignal, deadlineMs?: number]
  ): Promise<MessageShape<O>> {
    try {
      const options = { deadlineMs: deadlineMs ?? this.#clock.now() + callMsMax };
      return await this.#connection.unary(method, request, options, signal);
    } catch (error) {
      throw toRuntimeError(toldAlone.has(method.name) ? "" : method.name, subject, error);
    }
  }
}

/** The answer, or `undefined` when the runtime knows nothing of the id. */
async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === "not-found") return undefined;
    throw error;
  }
}
