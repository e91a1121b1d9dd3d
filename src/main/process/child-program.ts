import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";

/** A program that ran this long has not failed to start. */
const healthyMs = 30_000;

/** Runs something again whenever it ends, after a pause that grows while it fails to start. */
export async function keepRunning(
  clock: Clock,
  run: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff<"program">({ initialMs: 500, maxMs: 30_000 });
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    await run();
    if (clock.monotonic() - startedAt > healthyMs) backoff.succeed("program");
    await clock.sleep(backoff.fail("program"), signal).catch(() => undefined);
  }
}

/** How a program runs beside this one. */
export interface ChildOptions {
  /** Where all that it prints is added. */
  readonly logFile: string;
  /** A command within which it runs. */
  readonly within?: readonly string[];
  /** Told the messages that the program sends; it is asked to send none when undefined. */
  readonly onMessage?: (message: unknown) => void;
  /** How it is asked to end; by SIGTERM when undefined. */
  readonly endBy?: () => NodeJS.Signals;
}

/**
 * Runs this program with other arguments until it ends; it is asked to end when the signal aborts,
 * and does not outlive this process, however this process ends. @returns its exit code.
 */
export async function runOwnProgram(
  args: readonly string[],
  { logFile, within = [], onMessage, endBy = () => "SIGTERM" }: ChildOptions,
  signal: AbortSignal,
): Promise<number | null> {
  const program = [process.execPath, process.argv[1] ?? "", ...args];
  const out = openSync(logFile, "a", 0o600);
  const child: ChildProcess = spawn("setpriv", ["--pdeathsig", "TERM", ...within, ...program], {
    stdio: ["ignore", out, out, ...(onMessage === undefined ? [] : (["ipc"] as const))],
    cwd: "/",
  });
  closeSync(out);
  if (onMessage !== undefined) child.on("message", onMessage);
  const stop = (): void => {
    child.kill(endBy());
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    const [code] = (await once(child, "close")) as [number | null];
    return code;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
