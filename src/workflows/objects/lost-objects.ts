import { TaskGroup } from "#base/task-group.ts";
import type { Logger } from "#base/log.ts";
import { textOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import type { ObjectPorts } from "./object-store.ts";
import { openObjectStore } from "./open-object-store.ts";

/** Between two looks without news, and after a failure. */
const lookMs = 5_000;
/** Most objects that are deleted between two looks at the table. */
const batchMax = 100;

export interface LostObjectsPorts extends ObjectPorts {
  readonly database: Database;
  readonly log: Logger;
}

/**
 * Deletes the objects whose outputs have been cleared, replaced or deleted, until the signal aborts.
 * The database notes them in the transaction that does so.
 */
export async function deleteLostObjects(
  ports: LostObjectsPorts,
  signal: AbortSignal,
): Promise<void> {
  const { database, clock, log } = ports;
  let news = Promise.withResolvers<undefined>();
  await using resources = new AsyncDisposableStack();
  resources.use(
    await database.listen(() => {
      news.resolve(undefined);
    }),
  );
  for (;;) {
    signal.throwIfAborted();
    news = Promise.withResolvers();
    try {
      while ((await deleteBatch(ports, signal)) === batchMax);
    } catch (error) {
      signal.throwIfAborted();
      log.error("objects of outputs are left behind for now", { error: error as Error });
      await clock.sleep(lookMs, signal);
      continue;
    }
    await using timer = new TaskGroup(() => undefined);
    const over = new Promise<void>((resolve) => {
      timer.start(async (stop) => {
        await clock.sleep(lookMs, AbortSignal.any([stop, signal])).catch(() => undefined);
        resolve();
      });
    });
    await Promise.race([news.promise, over]);
  }
}

/** @returns how many there were. */
async function deleteBatch(ports: LostObjectsPorts, signal: AbortSignal): Promise<number> {
  const { database } = ports;
  const rows = await database.rows("select path from lost_object limit ?", batchMax);
  for (const row of rows) {
    const path = textOf(row, "path");
    const store = await openObjectStore(path, ports);
    await store.delete(path, signal);
    await database.run("delete from lost_object where path = ?", path);
  }
  return rows.length;
}
