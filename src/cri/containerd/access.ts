import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { readFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Clock } from "#base/clock.ts";
import {
  type AccessExecOptions,
  type ChangedFiles,
  type ContainerAccess,
  type ProcessSession,
  type ProcessSettings,
  RuntimeError,
  type SessionResult,
} from "#cri/runtime.ts";
import { Tasks } from "#cri/gen/tasks_pb.ts";
import { openRoot, readRootedText } from "#cri/rooted-path.ts";
import { boundingCapabilities } from "#oci/capabilities.ts";
import type { Accounts } from "#oci/user.ts";
import { changedFiles } from "./changes.ts";
import { openStoppedFiles } from "./stopped-files.ts";
import { toRuntimeError } from "./errors.ts";
import { makeFifos, type ProcessFifos } from "./fifo.ts";
import type { GrpcConnection } from "./grpc.ts";
import { namespaceHeader } from "./namespace.ts";
import { processSpec, type OciProcess } from "./process-spec.ts";

export interface AccessOptions {
  readonly connection: GrpcConnection;
  readonly clock: Clock;
  /** Of containerd's bundles: one directory a container, with its `config.json`. */
  readonly bundles: string;
  /** Where the FIFOs of further processes are. */
  readonly execDir: string;
  /** Process id of a running container; undefined when it does not run. */
  firstProcess(id: string, signal: AbortSignal): Promise<number | undefined>;
}

const callMsMax = 2 * 60 * 1000;
const killSignal = 9;
const specType = "types.containerd.io/opencontainers/runtime-spec/1/Process";
/** Of a file of accounts. */
const fileBytesMax = 4 * 1024 * 1024;

/** By containerd's task service, in which CRI's containers are tasks. */
export class ContainerdAccess implements ContainerAccess {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  async exec(id: string, options: AccessExecOptions, signal: AbortSignal): Promise<ProcessSession> {
    const execId = newExecId();
    const hasErrors = options.stderr && !options.tty;
    const streams = { stdin: options.stdin, stdout: options.stdout || options.tty };
    const fifos = await makeFifos(join(this.#options.execDir, execId), {
      ...streams,
      stderr: hasErrors,
    });
    try {
      const of = { containerId: id, execId };
      await this.#start(of, options, fifos, signal);
      await fifos.release();
      return this.#session(of, fifos, signal);
    } catch (error) {
      await fifos[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startDetached(
    id: string,
    options: ProcessSettings & { readonly command: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    const of = { containerId: id, execId: newExecId() };
    await this.#start(of, { ...options, tty: false }, undefined, signal);
  }

  async pause(id: string, signal: AbortSignal): Promise<void> {
    await this.#call(Tasks.method.pause, { containerId: id }, signal);
  }

  async resume(id: string, signal: AbortSignal): Promise<void> {
    await this.#call(Tasks.method.resume, { containerId: id }, signal);
  }

  async processIds(id: string, signal: AbortSignal): Promise<readonly number[]> {
    const answer = await this.#call(Tasks.method.listPids, { containerId: id }, signal);
    return answer.processes.map((it) => it.pid);
  }

  async changedFiles(id: string, signal: AbortSignal): Promise<ChangedFiles> {
    return await changedFiles(this.#options, id, signal);
  }

  async openStoppedFiles(id: string, signal: AbortSignal): Promise<FileHandle> {
    return await openStoppedFiles(this.#options, id, signal);
  }

  async #start(
    of: ExecOf,
    asked: ProcessSettings & { readonly command: readonly string[]; readonly tty: boolean },
    fifos: ProcessFifos | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const spec = processSpec(await this.#firstSpec(of.containerId), asked, {
      accounts:
        asked.user === undefined ? noAccounts : await this.#accounts(of.containerId, signal),
      capabilities: boundingCapabilities(await readFile("/proc/self/status", "latin1")),
    });
    const { method } = Tasks;
    const value = Buffer.from(JSON.stringify(spec));
    await this.#call(
      method.exec,
      { ...of, ...fifos?.paths, terminal: asked.tty, spec: { typeUrl: specType, value } },
      signal,
    );
    try {
      await this.#call(method.start, of, signal);
    } catch (error) {
      await this.#forget(of);
      throw error;
    }
  }

  #session(of: ExecOf, fifos: ProcessFifos, signal: AbortSignal): ProcessSession {
    const { method } = Tasks;
    const kill = (): void => {
      this.#call(method.kill, { ...of, signal: killSignal, all: false }, never()).catch(
        () => undefined, // It has ended already.
      );
    };
    const { stdin, stdout, stderr } = fifos;
    const ended = [stdout, stderr].map((it) => (it === undefined ? Promise.resolve() : closed(it)));
    signal.addEventListener("abort", kill, { once: true });
    if (signal.aborted) kill();
    const result = this.#result(of, ended).finally(async () => {
      signal.removeEventListener("abort", kill);
      await this.#forget(of);
      await fifos[Symbol.asyncDispose]();
    });
    // Whoever leaves does not ask for the result.
    result.catch(() => undefined);
    return {
      stdout: stdout ?? nothing(),
      stderr: stderr ?? nothing(),
      async writeStdin(chunk) {
        if (stdin === undefined) throw new Error("the session was opened without stdin");
        if (!stdin.write(chunk)) await Promise.race([once(stdin, "drain"), closed(stdin)]);
      },
      endStdin: () => {
        stdin?.end(() => {
          this.#call(method.closeIO, { ...of, stdin: true }, never()).catch(() => undefined);
        });
      },
      resize: (width, height) => {
        this.#call(method.resizePty, { ...of, width, height }, never()).catch(() => undefined);
      },
      result,
      close: kill,
    };
  }

  async #result(of: ExecOf, ended: readonly Promise<void>[]): Promise<SessionResult> {
    try {
      const { method } = Tasks;
      const options = { headers: namespaceHeader };
      const { connection } = this.#options;
      const { exitStatus } = await connection.unary(method.wait, of, options, never());
      await Promise.all(ended);
      return { kind: "exit", code: exitStatus };
    } catch (error) {
      return { kind: "error", message: error instanceof Error ? error.message : String(error) };
    }
  }

  async #forget(of: ExecOf): Promise<void> {
    await this.#call(Tasks.method.deleteProcess, of, never()).catch(() => undefined);
  }

  async #firstSpec(id: string): Promise<OciProcess> {
    const path = join(this.#options.bundles, id, "config.json");
    const config = JSON.parse(await readFile(path, "utf8")) as { process?: OciProcess };
    return config.process ?? {};
  }

  /** What the container's own files say of users and groups. */
  async #accounts(id: string, signal: AbortSignal): Promise<Accounts> {
    const pid = await this.#options.firstProcess(id, signal);
    if (pid === undefined) throw new RuntimeError("not-found", "the container does not run");
    await using root = await openRoot(`/proc/${pid}/root`);
    // The number may be another process's by now.
    if ((await this.#options.firstProcess(id, signal)) !== pid) {
      throw new RuntimeError("not-found", "the container has just ended");
    }
    const read = async (path: string): Promise<string> => {
      return (await readRootedText(root, path, fileBytesMax)) ?? "";
    };
    return { passwd: await read("/etc/passwd"), group: await read("/etc/group") };
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    const { connection, clock } = this.#options;
    const options = { deadlineMs: clock.now() + callMsMax, headers: namespaceHeader };
    try {
      return await connection.unary(method, request, options, signal);
    } catch (error) {
      throw toRuntimeError("", "container", error);
    }
  }
}

interface ExecOf {
  readonly containerId: string;
  readonly execId: string;
}

const noAccounts: Accounts = { passwd: "", group: "" };

function newExecId(): string {
  return randomBytes(16).toString("hex");
}

/** For what is to be done however the caller fares; each call has a deadline of its own. */
function never(): AbortSignal {
  return new AbortController().signal;
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, "close");
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // A stream that was not asked for is empty.
}
