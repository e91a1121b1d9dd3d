import { drainGraceMs } from "#main/process/drain.ts";
import { findInstance } from "./instance.ts";
import type { DownOptions } from "#main/command-line/options.ts";

/** How long an instance may take to stop before it is killed; nothing acknowledged is lost by that. */
const stopTimeoutMs = 30_000;

/**
 * Stops the system, with its pods or without them. Resolves with false when it was not running.
 */
export async function down({ dataDir, drain }: DownOptions): Promise<boolean> {
  const running = await findInstance(dataDir);
  if (running === undefined) return false;
  const { pid } = running.report;
  const timeoutMs = stopTimeoutMs + (drain ? drainGraceMs : 0);
  process.kill(pid, drain ? "SIGUSR2" : "SIGINT");
  const timer = setTimeout(() => {
    process.stderr.write(`process ${pid} did not stop within ${timeoutMs / 1_000} s: killing it\n`);
    process.kill(pid, "SIGKILL");
  }, timeoutMs);
  await running.ended;
  clearTimeout(timer);
  return true;
}
