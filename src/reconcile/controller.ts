import type { KubernetesObject } from "#api/object.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Change } from "#client/cache.ts";
import type { Informer } from "#client/informer.ts";
import { keyOf } from "#client/object-key.ts";
import { noMetrics, type ReconcileMetrics } from "./metrics.ts";
import { runController, type Reconcile } from "./run.ts";
import { WorkQueue } from "./workqueue.ts";

/** A controller as data: what it looks at, and what it does for one key. */
export interface Controller {
  readonly name: string;
  readonly watches: readonly ControllerWatch[];
  /** Keys that are reconciled at the same time. */
  readonly workers: number;
  readonly reconcile: Reconcile;
  /** Keys to look at once at the start, whatever the watches say. */
  readonly initialKeys?: readonly string[];
}

/** One kind that a controller looks at; made by {@link watches}. */
export interface ControllerWatch {
  synced(signal: AbortSignal): Promise<void>;
  subscribe(add: (key: string) => void): () => void;
}

/** A change that concerns the object of that key itself. */
export function ownKey(object: KubernetesObject): readonly string[] {
  return [keyOf(object)];
}

/**
 * Changes of `informer`'s objects ask for a look at the keys that `keysOf` gives, for the object
 * before the change and after it. `concerns` leaves out changes that no decision depends on.
 */
export function watches<T extends KubernetesObject>(
  informer: Informer<T>,
  keysOf: (object: T) => readonly string[],
  concerns: (change: Change<T>) => boolean = () => true,
): ControllerWatch {
  return {
    synced: (signal) => informer.synced(signal),
    subscribe: (add) =>
      informer.subscribe((change) => {
        if (!concerns(change)) return;
        if (change.previous !== undefined) for (const key of keysOf(change.previous)) add(key);
        if (change.current !== undefined) for (const key of keysOf(change.current)) add(key);
      }),
  };
}

export interface RunOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: ReconcileMetrics | undefined;
}

/** client-go's rate limiter: 5 ms doubling to 1000 s; the cap is lower, so that repairs are seen. */
const backoff = { initialMs: 5, maxMs: 60_000 };

/**
 * Runs the controllers until the signal aborts, each once everything it watches is present. Ends
 * when all their reconciles have ended. Never rejects.
 */
export async function runControllers(
  controllers: readonly Controller[],
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(controllers.map((it) => runOne(it, options, signal)));
}

async function runOne(
  controller: Controller,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, metrics = noMetrics } = options;
  const queue = new WorkQueue<string>({
    monotonic: () => clock.monotonic(),
    observer: metrics.queue(controller.name),
  });
  try {
    await Promise.all(controller.watches.map((it) => it.synced(signal)));
  } catch {
    return; // Aborted before anything was known.
  }
  const add = (key: string): void => {
    queue.add(key);
  };
  const unsubscribes = controller.watches.map((it) => it.subscribe(add));
  for (const key of controller.initialKeys ?? []) queue.add(key);
  await runController(
    {
      name: controller.name,
      queue,
      reconcile: controller.reconcile,
      workers: controller.workers,
      clock,
      backoff: new Backoff(backoff),
      log,
      metrics,
    },
    signal,
  );
  for (const unsubscribe of unsubscribes) unsubscribe();
}
