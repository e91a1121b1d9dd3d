import { findInstance } from "./instance.ts";
import type { Where } from "./options.ts";

/** How long an instance may take to stop before it is killed; nothing acknowledged is lost by that. */
const stopTimeoutMs = 30_000;

/**
 * Stops the system and leaves its containers running. Resolves with false when it was not running.
 */
export async function down(where: Where): Promise<boolean> {
  const running = await findInstance(where.dataDir);
  if (running === undefined) return false;
  const { pid } = running.report;
  process.kill(pid, "SIGTERM");
  const timer = setTimeout(() => {
    process.stderr.write(
      `process ${pid} did not stop within ${stopTimeoutMs / 1_000} s: killing it\n`,
    );
    process.kill(pid, "SIGKILL");
  }, stopTimeoutMs);
  await running.ended;
  clearTimeout(timer);
  return true;
}
