import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Runtime, RuntimeEvent } from "#cri/runtime.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import type { RuntimeCache } from "./pod/runtime-cache.ts";

export interface RuntimeWatchOptions {
  readonly runtime: Runtime;
  readonly cache: RuntimeCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** The safety net: how often everything is listed, should an event have been missed. */
  readonly relistMs: number;
  readonly metrics: KubeletMetrics;
}

const retry = { initialMs: 100, maxMs: 5_000 };

/** Keeps the cache of the runtime current by events and a slow relist. Never rejects. */
export async function watchRuntime(
  options: RuntimeWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([followEvents(options, signal), relistAgain(options, signal)]);
}

/** Resolves with the runtime's state read once, however long the runtime takes to serve. */
export async function firstList(options: RuntimeWatchOptions, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff<string>(retry);
  while (!(await relistSafely(options, signal))) {
    await options.clock.sleep(backoff.fail("list"), signal);
  }
}

async function relistAgain(options: RuntimeWatchOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await options.clock.sleep(options.relistMs, signal).catch(() => undefined); // Aborted.
    await relistSafely(options, signal);
  }
}

async function relistSafely(
  { cache, log, clock, metrics }: RuntimeWatchOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const since = clock.monotonic();
  try {
    await cache.relist(signal);
    metrics.relisted((clock.monotonic() - since) / 1_000);
    return true;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    if (!signal.aborted) log.error("runtime not listed", { error: cause });
    return false;
  }
}

async function followEvents(options: RuntimeWatchOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const backoff = new Backoff<string>(retry);
  await using tasks = new TaskGroup((error) => {
    const cause = error instanceof Error ? error : new Error(String(error));
    if (!signal.aborted) log.error("runtime event not followed", { error: cause });
  });
  while (!signal.aborted) {
    await readEvents(options, tasks, backoff, signal);
    await clock.sleep(backoff.fail("events"), signal).catch(() => undefined); // Aborted.
    await relistSafely(options, signal);
  }
}

/** Each event is followed beside the stream: the state after an exit takes its time to show. */
async function readEvents(
  { runtime, cache, log }: RuntimeWatchOptions,
  tasks: TaskGroup,
  backoff: Backoff<string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const event of runtime.events(signal)) {
      backoff.succeed("events");
      tasks.start(async (stop) => {
        await follow(cache, event, AbortSignal.any([stop, signal]));
      });
    }
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    if (!signal.aborted) log.error("runtime events ended", { error: cause });
  }
}

async function follow(
  cache: RuntimeCache,
  event: RuntimeEvent,
  signal: AbortSignal,
): Promise<void> {
  try {
    await cache.follow(event, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
