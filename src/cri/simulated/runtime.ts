import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { EventQueue } from "#cri/event-queue.ts";
import {
  type AttachOptions,
  type ByteStream,
  type ContainerConfig,
  type ContainerStatus,
  type ContainerSummary,
  type ExecOptions,
  type ExecResult,
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
import { archiveNames } from "./archive-names.ts";
import { SimulatedImages } from "./images.ts";
import { IpPool } from "./ip-pool.ts";
import { appendLog, createLog } from "./log-file.ts";
import { Pipe, runProgram } from "./process.ts";
import { readProgram } from "./program.ts";
import { openAttach, openEcho, openExec } from "./sessions.ts";
import type { SimulatedContainer, SimulatedSandbox } from "./state.ts";

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** The node's pods. */
  readonly podCidr: string;
  /** Ids begin with it; one a node. */
  readonly idPrefix: string;
  /** How long each step takes, milliseconds; 0 is at once. */
  readonly delays: {
    readonly pullMs: number;
    readonly sandboxMs: number;
    readonly startMs: number;
    readonly stopMs: number;
  };
  /** Hears of failures of a simulated process that are no exit: a log that cannot be written. */
  readonly onError: (error: unknown) => void;
}

/**
 * A runtime without processes: pods take a moment to come up, run or end as their commands say
 * (`readProgram`), write logs, and answer execs. An idle container is one object and no timer.
 */
export class SimulatedRuntime implements Runtime, AsyncDisposable {
  readonly access = undefined;
  readonly #options: SimulatedRuntimeOptions;
  readonly #sandboxes = new Map<string, SimulatedSandbox>();
  readonly #containers = new Map<string, SimulatedContainer>();
  /** Sandbox ids by name, namespace, uid and attempt, as CRI reserves them. */
  readonly #names = new Map<string, string>();
  readonly #images = new SimulatedImages();
  readonly #ips: IpPool;
  readonly #listeners = new Set<EventQueue>();
  readonly #processes: TaskGroup;
  #ids = 0;

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
    this.#ips = new IpPool(options.podCidr);
    this.#processes = new TaskGroup(options.onError);
  }

  async version(signal: AbortSignal): Promise<RuntimeVersion> {
    signal.throwIfAborted();
    return { name: "simulated", version: "1" };
  }

  async status(signal: AbortSignal): Promise<RuntimeStatus> {
    signal.throwIfAborted();
    return { runtimeReady: true, networkReady: true, message: "" };
  }

  async runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { name, namespace, uid, attempt } = config.metadata;
    const key = `${name}_${namespace}_${uid}_${attempt}`;
    const holder = this.#names.get(key);
    if (holder !== undefined) {
      throw new RuntimeError("name-reserved", `name "${key}" is reserved for "${holder}"`);
    }
    const id = this.#nextId();
    this.#names.set(key, id);
    try {
      await this.#wait(this.#options.delays.sandboxMs, signal);
      const ip = config.network === "pod" ? this.#ips.allocate() : undefined;
      if (config.network === "pod" && ip === undefined) {
        throw new RuntimeError("other", `no free address in ${this.#options.podCidr}`);
      }
      const createdAtMs = this.#options.clock.now();
      this.#sandboxes.set(id, { id, config, createdAtMs, ip, ready: true });
    } catch (error) {
      this.#names.delete(key);
      throw error;
    }
    this.#tell("created", id);
    this.#tell("started", id);
    return id;
  }

  async stopSandbox(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#sandboxes.get(id)?.ready !== true) return;
    await this.#wait(this.#options.delays.stopMs, signal);
    // Another stop may have come first meanwhile.
    const sandbox = this.#sandboxes.get(id);
    if (sandbox?.ready !== true) return;
    for (const container of this.#containersOf(id)) this.#end(container, 137);
    sandbox.ready = false;
    if (sandbox.ip !== undefined) this.#ips.release(sandbox.ip);
    this.#tell("exited", id);
  }

  async removeSandbox(id: string, signal: AbortSignal): Promise<void> {
    await this.stopSandbox(id, signal);
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    for (const container of this.#containersOf(id))
      await this.removeContainer(container.id, signal);
    const { name, namespace, uid, attempt } = sandbox.config.metadata;
    this.#names.delete(`${name}_${namespace}_${uid}_${attempt}`);
    this.#sandboxes.delete(id);
    this.#tell("deleted", id);
  }

  async sandboxStatus(id: string, signal: AbortSignal): Promise<SandboxStatus | undefined> {
    signal.throwIfAborted();
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return undefined;
    const ips = sandbox.ip === undefined || !sandbox.ready ? [] : [sandbox.ip];
    return { ...summarizeSandbox(sandbox), ips, pid: undefined };
  }

  async listSandboxes(signal: AbortSignal): Promise<readonly SandboxSummary[]> {
    signal.throwIfAborted();
    return [...this.#sandboxes.values()].map(summarizeSandbox);
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
    signal: AbortSignal,
  ): Promise<string> {
    signal.throwIfAborted();
    if (this.#sandboxes.get(sandboxId)?.ready !== true) throw notFound("sandbox", sandboxId);
    const reference = config.imageId === "" ? config.image : config.imageId;
    if (this.#images.find(reference) === undefined) {
      throw new RuntimeError("image-not-found", `image ${reference} is not on the node`);
    }
    const id = this.#nextId();
    this.#containers.set(id, {
      id,
      sandboxId,
      config,
      logPath: sandbox.logDirectory === "" ? "" : join(sandbox.logDirectory, config.logPath),
      createdAtMs: this.#options.clock.now(),
      state: "created",
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: "",
      stop: undefined,
      stdin: undefined,
      attached: undefined,
    });
    this.#tell("created", id);
    return id;
  }

  async startContainer(id: string, signal: AbortSignal): Promise<void> {
    const container = this.#container(id);
    if (container.state !== "created") {
      throw new RuntimeError("other", `container ${id} is ${container.state}, not created`);
    }
    await this.#wait(this.#options.delays.startMs, signal);
    container.state = "running";
    container.startedAtMs = this.#options.clock.now();
    this.#tell("started", id);
    const { command, args } = container.config;
    const steps = readProgram([...command, ...args], "forever");
    if (container.config.stdin) container.stdin = new Pipe();
    if (steps[0]?.kind === "forever") return;
    const stop = new AbortController();
    container.stop = stop;
    const io = {
      stdin: container.stdin?.inbox ?? emptyInput(),
      print: (stream: "stdout" | "stderr", bytes: Uint8Array) =>
        this.#print(container, stream, bytes),
    };
    this.#processes.start(async (group) => {
      const until = AbortSignal.any([group, stop.signal]);
      try {
        this.#end(container, await runProgram(steps, io, this.#options.clock, until));
      } catch (error) {
        // Whoever stopped it has written down how it ended.
        if (!until.aborted) throw error;
      }
    });
  }

  async stopContainer(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const container = this.#containers.get(id);
    if (container?.state !== "running") return;
    await this.#wait(this.#options.delays.stopMs, signal);
    // 128 + SIGTERM: it ends when asked. 128 + SIGKILL: it was not asked.
    this.#end(container, timeoutSeconds > 0 ? 143 : 137);
  }

  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const container = this.#containers.get(id);
    if (container === undefined) return;
    this.#end(container, 137);
    this.#containers.delete(id);
    this.#tell("deleted", id);
  }

  async containerStatus(id: string, signal: AbortSignal): Promise<ContainerStatus | undefined> {
    signal.throwIfAborted();
    const container = this.#containers.get(id);
    if (container === undefined) return undefined;
    return {
      ...summarizeContainer(container),
      imageId: this.#images.find(container.config.image)?.id ?? container.config.imageId,
      startedAtMs: container.startedAtMs,
      finishedAtMs: container.finishedAtMs,
      exitCode: container.exitCode,
      reason: container.reason,
      message: "",
      logPath: container.logPath,
      pid: undefined,
    };
  }

  async listContainers(signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    signal.throwIfAborted();
    return [...this.#containers.values()].map(summarizeContainer);
  }

  async updateResources(id: string, _: LinuxResources, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#container(id);
  }

  async reopenLog(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await createLog(this.#running(id).logPath);
  }

  async execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecResult> {
    signal.throwIfAborted();
    this.#running(id);
    const output: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
    const io = {
      stdin: emptyInput(),
      async print(stream: "stdout" | "stderr", bytes: Uint8Array) {
        output[stream].push(bytes);
      },
    };
    const { clock } = this.#options;
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    const running = runProgram(readProgram(command, "nothing"), io, clock, until);
    const timer = clock.sleep(timeoutMs, until).then(() => {
      throw new RuntimeError("timeout", `timeout ${timeoutMs}ms exceeded`);
    });
    try {
      const exitCode = await Promise.race([running, timer]);
      const [stdout, stderr] = [Buffer.concat(output.stdout), Buffer.concat(output.stderr)];
      return { stdout, stderr, exitCode };
    } finally {
      stop.abort(new Error("the command has ended"));
      await Promise.allSettled([running, timer]);
    }
  }

  async exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ProcessSession> {
    signal.throwIfAborted();
    this.#running(id);
    const steps = readProgram(options.command, "nothing");
    return openExec(steps, options, this.#options.clock, signal);
  }

  async attach(id: string, options: AttachOptions, signal: AbortSignal): Promise<ProcessSession> {
    signal.throwIfAborted();
    return openAttach(this.#running(id), options, signal);
  }

  async portForward(sandboxId: string, _: number, signal: AbortSignal): Promise<ByteStream> {
    signal.throwIfAborted();
    if (this.#sandboxes.get(sandboxId)?.ready !== true) throw notFound("sandbox", sandboxId);
    return openEcho(signal);
  }

  async pullImage(
    reference: string,
    _: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    await this.#wait(this.#options.delays.pullMs, signal);
    return this.#images.pull(reference);
  }

  async viewImage(_imageId: string, _key: string, signal: AbortSignal): Promise<undefined> {
    signal.throwIfAborted();
    return undefined;
  }

  async releaseImage(_key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  async imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    signal.throwIfAborted();
    return this.#images.find(reference);
  }

  async listImages(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    signal.throwIfAborted();
    return this.#images.list();
  }

  async removeImage(reference: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#images.remove(reference);
  }

  async importImage(
    tar: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const names = await archiveNames(tar, signal);
    for (const name of names) this.#images.pull(name);
    return names;
  }

  async *events(signal: AbortSignal): AsyncGenerator<RuntimeEvent, void, undefined> {
    const queue = new EventQueue();
    this.#listeners.add(queue);
    function end(): void {
      queue.end();
    }
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      yield* queue;
    } finally {
      signal.removeEventListener("abort", end);
      this.#listeners.delete(queue);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#listeners) queue.end();
    await this.#processes[Symbol.asyncDispose]();
  }

  async #print(
    container: SimulatedContainer,
    stream: "stdout" | "stderr",
    bytes: Uint8Array,
  ): Promise<void> {
    const text = Buffer.from(bytes).toString();
    await appendLog(container.logPath, this.#options.clock.now(), stream, text);
    for (const watch of container.attached ?? []) await watch(stream, bytes);
  }

  #end(container: SimulatedContainer, code: number): void {
    if (container.state !== "running") return;
    container.state = "exited";
    container.exitCode = code;
    container.reason = code === 0 ? "Completed" : "Error";
    container.finishedAtMs = this.#options.clock.now();
    container.stdin?.inbox.discard();
    container.stop?.abort(new Error("the container has ended"));
    this.#tell("exited", container.id);
  }

  #container(id: string): SimulatedContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw notFound("container", id);
    return container;
  }

  #running(id: string): SimulatedContainer {
    const container = this.#container(id);
    if (container.state === "running") return container;
    throw new RuntimeError("other", `container ${id} is ${container.state}, not running`);
  }

  #containersOf(sandboxId: string): SimulatedContainer[] {
    return [...this.#containers.values()].filter((it) => it.sandboxId === sandboxId);
  }

  #tell(kind: RuntimeEvent["kind"], id: string): void {
    for (const queue of this.#listeners) queue.push({ kind, id });
  }

  #nextId(): string {
    this.#ids += 1;
    return `${this.#options.idPrefix}-${this.#ids}`;
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms > 0) await this.#options.clock.sleep(ms, signal);
  }
}

function summarizeSandbox(sandbox: SimulatedSandbox): SandboxSummary {
  return {
    id: sandbox.id,
    metadata: sandbox.config.metadata,
    state: sandbox.ready ? "ready" : "not-ready",
    createdAtMs: sandbox.createdAtMs,
    labels: sandbox.config.labels,
    annotations: sandbox.config.annotations,
  };
}

function summarizeContainer(container: SimulatedContainer): ContainerSummary {
  const { config } = container;
  return {
    id: container.id,
    sandboxId: container.sandboxId,
    metadata: config.metadata,
    image: config.image,
    state: container.state,
    createdAtMs: container.createdAtMs,
    labels: config.labels,
    annotations: config.annotations,
  };
}

function notFound(what: "container" | "sandbox", id: string): RuntimeError {
  return new RuntimeError("not-found", `${what} ${id} not found`);
}

async function* emptyInput(): AsyncGenerator<Uint8Array, void, undefined> {
  // The process reads an end at once.
}
