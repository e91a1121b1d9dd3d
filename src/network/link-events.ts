import { spawn } from "node:child_process";
import { once } from "node:events";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";

/**
 * Calls back when an address or route of the machine has changed, until the signal aborts. A link
 * that goes down takes its routes with it, and nobody brings them back when it comes up.
 */
export async function followLinks(
  changed: () => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff<"monitor">({ initialMs: 200, maxMs: 10_000 });
  const heard = (): void => {
    backoff.succeed("monitor");
    changed();
  };
  while (!signal.aborted) {
    await monitorOnce(heard, signal);
    await clock.sleep(backoff.fail("monitor"), signal).catch(() => undefined);
    changed();
  }
}

/** Resolves when the program has ended, however it did. */
async function monitorOnce(heard: () => void, signal: AbortSignal): Promise<void> {
  const monitor = spawn("ip", ["monitor", "address", "route"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const kill = (): void => {
    monitor.kill();
  };
  signal.addEventListener("abort", kill, { once: true });
  monitor.stdout.on("data", heard);
  // A program that cannot be started ends with an error instead of an exit.
  await once(monitor, "close").catch(() => undefined);
  signal.removeEventListener("abort", kill);
}
