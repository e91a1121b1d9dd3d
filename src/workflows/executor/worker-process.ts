import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { lifeline } from "#workflows/worker/lifeline.ts";
import type { FromWorker, ToWorker } from "#workflows/worker/protocol.ts";

/** How to start a worker: this program, as a worker. */
export interface WorkerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Most of what a worker printed outside of tasks that is kept for its obituary. */
const lastWordsMax = 4_096;

/** A worker process with a process group of its own, so that killing it kills all it started. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #lastWords = "";
  #ended: string | undefined;

  constructor(
    command: WorkerCommand,
    events: {
      message(message: FromWorker): void;
      /** Called once; says how it ended. */
      ended(how: string): void;
    },
  ) {
    this.#child = spawn(command.program, [...command.args], {
      cwd: command.cwd,
      env: command.environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#lastWords = `${this.#lastWords}${text}`.slice(-lastWordsMax);
      });
    }
    this.#child.stdio[lifeline]?.on("error", () => undefined);
    this.#child.on("message", (message) => {
      events.message(message as FromWorker);
    });
    const end = (how: string): void => {
      if (this.#ended !== undefined) return;
      this.#ended = how;
      events.ended(how);
    };
    this.#child.once("error", (error) => {
      end(error.message);
    });
    // Ends what the process has left behind, and with it the last of its streams.
    this.#child.once("exit", () => this.#child.stdio[lifeline]?.destroy());
    this.#child.once("close", (code, signal) => {
      const words = this.#lastWords.trim().split("\n").slice(-5).join("\n");
      const how = signal === null ? `exit code ${code ?? "?"}` : `signal ${signal}`;
      end(words === "" ? how : `${how}: ${words}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it uses a processor, or waits for one, right now. False where the kernel does not tell. */
  computes(): boolean {
    try {
      const stat = readFileSync(`/proc/${this.pid ?? 0}/stat`, "latin1");
      return stat.startsWith(") R", stat.lastIndexOf(")"));
    } catch {
      return false;
    }
  }

  /** Lost when the process has ended; that end is told. */
  send(message: ToWorker): void {
    if (!this.#child.connected) return;
    this.#child.send(message, () => undefined);
  }

  /** Ends the process, and everything it started, at once. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#ended !== undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Its group is gone already.
    }
  }
}
