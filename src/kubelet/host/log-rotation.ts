import { rename, rm, stat } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ContainerStatus, Runtime } from "#cri/runtime.ts";

/** A log is renamed past this size; so many files of one container are kept (upstream's defaults). */
export const logRotation = { bytesMax: 10 * 1024 * 1024, filesMax: 5, periodMs: 10_000 } as const;

export interface RotationOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly containers: () => readonly ContainerStatus[];
  readonly limits?: {
    readonly bytesMax: number;
    readonly filesMax: number;
    readonly periodMs: number;
  };
}

/** Keeps the logs of running containers within their bound until the signal aborts. */
export async function runLogRotation(options: RotationOptions, signal: AbortSignal): Promise<void> {
  const { periodMs } = options.limits ?? logRotation;
  while (!signal.aborted) {
    for (const container of options.containers()) {
      await rotateSafely(options, container, signal);
    }
    await options.clock.sleep(periodMs, signal).catch(() => undefined); // Aborted: the loop ends.
  }
}

async function rotateSafely(
  options: RotationOptions,
  container: ContainerStatus,
  signal: AbortSignal,
): Promise<void> {
  try {
    await rotateLog(options, container, signal);
  } catch (error) {
    if (signal.aborted) return;
    const cause = error instanceof Error ? error : new Error(String(error));
    options.log.error("log not rotated", { container: container.id, error: cause });
  }
}

/** `0.log` becomes `0.log.1`, that `0.log.2`, and so on; the oldest goes. */
export async function rotateLog(
  { runtime, limits = logRotation }: Pick<RotationOptions, "runtime" | "limits">,
  container: ContainerStatus,
  signal: AbortSignal,
): Promise<void> {
  const { logPath, state, id } = container;
  if (state !== "running" || logPath === "") return;
  const size = (await stat(logPath).catch(() => undefined))?.size ?? 0;
  if (size < limits.bytesMax) return;
  const oldest = limits.filesMax - 1;
  await rm(`${logPath}.${oldest}`, { force: true });
  for (let number = oldest - 1; number >= 1; number -= 1) {
    await rename(`${logPath}.${number}`, `${logPath}.${number + 1}`).catch(() => undefined);
  }
  await rename(logPath, `${logPath}.1`);
  await runtime.reopenLog(id, signal);
}
