import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ImageStore, Lease } from "./image-store.ts";

/** How long it lives when its process has died. */
const lifetimeMs = 3_600_000;
const renewMs = lifetimeMs / 3;

/**
 * A lease for work of any length: it is renewed until it is disposed, and what it holds may go an hour
 * after its process was killed.
 */
export async function openLastingLease(
  store: Pick<ImageStore, "openLease">,
  name: string,
  clock: Clock,
): Promise<Lease> {
  const lease = await store.openLease(name, lifetimeMs);
  // A renewal that failed is made up for by the next, before the lease ends.
  const tasks = new TaskGroup(() => undefined);
  tasks.start(async (signal) => {
    for (;;) {
      await clock.sleep(renewMs, signal);
      await lease.renew().catch(() => undefined);
    }
  });
  return {
    id: lease.id,
    add: (digests) => lease.add(digests),
    renew: () => lease.renew(),
    async [Symbol.asyncDispose]() {
      await tasks[Symbol.asyncDispose]();
      await lease[Symbol.asyncDispose]();
    },
  };
}
