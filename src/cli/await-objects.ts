import type { KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { Session } from "./connection.ts";
import type { WatchEvent } from "#client/watch-event.ts";
import type { ResourceOf } from "#client/resource-of.ts";

/**
 * Resolves with the objects that the selector names once `isDone` says so of them. Looks again whenever one of them changes. @throws what `isDone` throws.
 */
export async function awaitObjects<T extends KubernetesObject>(
  session: Session,
  resource: ResourceOf<T>,
  labelSelector: string,
  isDone: (objects: readonly T[]) => boolean,
): Promise<readonly T[]> {
  const { client, namespace } = session.cluster;
  for (;;) {
    const list = await client.list(resource, { namespace, labelSelector }, session.signal);
    const byName = new Map(list.items.map((it) => [it.metadata?.name ?? "", it]));
    const first = [...byName.values()];
    if (isDone(first)) return first;
    const { resourceVersion } = list.metadata ?? {};
    const options = { namespace, labelSelector, resourceVersion };
    try {
      for await (const events of client.watch<T>(resource, options, session.signal)) {
        for (const event of events) note(byName, event);
        const now = [...byName.values()];
        if (isDone(now)) return now;
      }
    } catch (error) {
      if (!isStatus(error, "Expired")) throw error;
    }
  }
}

function note<T extends KubernetesObject>(
  byName: Map<string, T>,
  { type, object }: WatchEvent<T>,
): void {
  const name = object.metadata?.name ?? "";
  if (type === "DELETED") byName.delete(name);
  else if (type !== "BOOKMARK") byName.set(name, object);
}
