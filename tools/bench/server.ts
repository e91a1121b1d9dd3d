import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Load } from "./load.ts";

export interface Usage {
  readonly cpuMicros: number;
  readonly rss: number;
  /** Of it, mapped from files: the store's pages, which the kernel may take back at any time. */
  readonly mapped: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  /** The longest the event loop was late since the last look. */
  readonly turnMs: number;
}

/** A server under load: itself one process, each load another. Dispose it to stop it. */
export class BenchServer implements AsyncDisposable {
  readonly openMs: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly port: number;

  private constructor(child: ChildProcess, folder: string, said: Record<string, number>) {
    this.#child = child;
    this.#folder = folder;
    this.port = said["port"] ?? 0;
    this.openMs = said["openMs"] ?? 0;
  }

  static async start(folder: string, preload = 0, scheduler = false): Promise<BenchServer> {
    const script = join(import.meta.dirname, "server-process.ts");
    const args = [folder, String(preload), scheduler ? "scheduler" : ""];
    const child = fork(script, args, { execArgv: ["--expose-gc"] });
    return new BenchServer(child, folder, await answerOf(child));
  }

  async usage(): Promise<Usage> {
    return (await this.tell({ do: "usage" })) as Usage & Record<string, number>;
  }

  /** One command at a time; see `server-process.ts`. */
  async tell(command: {
    readonly do: string;
    readonly count?: number;
    readonly seconds?: number;
  }): Promise<Record<string, number>> {
    this.#child.send(command);
    return await answerOf(this.#child);
  }

  /** Starts a load in a process of its own. */
  start(load: Load): RunningLoad {
    const script = join(import.meta.dirname, "load-process.ts");
    const args = [script, this.#folder, String(this.port), JSON.stringify(load)];
    return new RunningLoad(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
  }

  /** Runs a load to its end; what it printed, and the server's CPU meanwhile. */
  async run(load: Load): Promise<{
    readonly result: Record<string, number>;
    readonly cpuMicros: number;
    readonly turnMs: number;
  }> {
    const running = this.start(load);
    await running.ready;
    const before = await this.usage();
    running.go();
    const result = await running.result;
    const after = await this.usage();
    return { result, cpuMicros: after.cpuMicros - before.cpuMicros, turnMs: after.turnMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.send({ do: "stop" });
    await ended;
  }
}

export class RunningLoad {
  readonly ready: Promise<void>;
  readonly result: Promise<Record<string, number>>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    const ready = Promise.withResolvers<undefined>();
    const result = Promise.withResolvers<Record<string, number>>();
    this.ready = ready.promise;
    this.result = result.promise;
    result.promise.catch(() => undefined); // Whoever wants the result sees it.
    if (child.stdout === null) throw new Error("a load has no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "ready") ready.resolve(undefined);
      else result.resolve(JSON.parse(line) as Record<string, number>);
    });
    child.once("exit", (code) => {
      const error = new Error(`a load ended with ${code ?? "a signal"}`);
      ready.reject(error);
      result.reject(error);
    });
  }

  /** A load says "ready" when it is connected, and begins at SIGUSR2. */
  go(): void {
    this.#child.kill("SIGUSR2");
  }

  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

function answerOf(child: ChildProcess): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    function ended(): void {
      reject(new Error("the server ended"));
    }
    child.once("exit", ended);
    child.once("message", (said: Record<string, number> & { readonly error?: string }) => {
      child.off("exit", ended);
      if (said.error === undefined) resolve(said);
      else reject(new Error(said.error));
    });
  });
}
