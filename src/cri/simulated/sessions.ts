import type { Clock } from "#base/clock.ts";
import type { AttachOptions, ByteStream, ProcessSession, SessionResult } from "#cri/runtime.ts";
import { Pipe, runProgram } from "./process.ts";
import type { Step } from "./program.ts";
import type { SimulatedContainer } from "./state.ts";

/** Runs a program for a person; `close` and the signal end it. */
export function openExec(
  steps: readonly Step[],
  options: AttachOptions,
  clock: Clock,
  signal: AbortSignal,
): ProcessSession {
  const [stdin, stdout, stderr] = [new Pipe(), new Pipe(), new Pipe()];
  if (!options.stdin) stdin.end();
  const stop = new AbortController();
  const wanted = { stdout: options.stdout, stderr: options.stderr && !options.tty };
  const io = {
    stdin: stdin.inbox,
    async print(stream: "stdout" | "stderr", bytes: Uint8Array) {
      const target = options.tty ? "stdout" : stream;
      if (wanted[target]) await (target === "stdout" ? stdout : stderr).write(bytes);
    },
  };
  async function run(): Promise<SessionResult> {
    try {
      const code = await runProgram(steps, io, clock, AbortSignal.any([signal, stop.signal]));
      return { kind: "exit", code };
    } catch (error) {
      return { kind: "error", message: error instanceof Error ? error.message : String(error) };
    } finally {
      stdout.end();
      stderr.end();
      stdin.inbox.discard();
    }
  }
  return session({ stdin, stdout, stderr, result: run(), stop });
}

/** Watches a container's output from now on, and writes its stdin, until it ends or is left. */
export function openAttach(
  container: SimulatedContainer,
  options: AttachOptions,
  signal: AbortSignal,
): ProcessSession {
  const [stdin, stdout, stderr] = [new Pipe(), new Pipe(), new Pipe()];
  const stop = new AbortController();
  const ended = Promise.withResolvers<SessionResult>();
  async function watch(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    if (options[stream]) await (stream === "stdout" ? stdout : stderr).write(bytes);
  }
  function finish(): void {
    container.attached?.delete(watch);
    stdout.end();
    stderr.end();
    stdin.inbox.discard();
    ended.resolve({ kind: "exit", code: 0 });
  }
  container.attached ??= new Set();
  container.attached.add(watch);
  // Aborts when the container ends, however it does.
  container.stop ??= new AbortController();
  for (const it of [signal, stop.signal, container.stop.signal]) {
    it.addEventListener("abort", finish, { once: true });
  }
  return session({
    stdin: options.stdin ? (container.stdin ?? stdin) : stdin,
    stdout,
    stderr,
    result: ended.promise,
    stop,
  });
}

/** A connection to a port of a simulated pod: whatever is written comes back. */
export function openEcho(signal: AbortSignal): ByteStream {
  const pipe = new Pipe();
  signal.addEventListener(
    "abort",
    () => {
      pipe.end();
    },
    { once: true },
  );
  return {
    output: pipe.inbox,
    write: (chunk) => pipe.write(chunk),
    end() {
      pipe.end();
    },
    close() {
      pipe.end();
      pipe.inbox.discard();
    },
  };
}

function session(parts: {
  readonly stdin: Pipe;
  readonly stdout: Pipe;
  readonly stderr: Pipe;
  readonly result: Promise<SessionResult>;
  readonly stop: AbortController;
}): ProcessSession {
  return {
    stdout: parts.stdout.inbox,
    stderr: parts.stderr.inbox,
    writeStdin: (chunk) => parts.stdin.write(chunk),
    endStdin() {
      parts.stdin.end();
    },
    resize() {
      // Nothing here has a screen.
    },
    result: parts.result,
    close() {
      parts.stop.abort(new Error("the session was closed"));
    },
  };
}
