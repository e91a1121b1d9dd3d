import type { CoreV1Event } from "#api/gen/types.ts";
import type { Json, KubernetesObject } from "#api/object.ts";
import { objectPath } from "#api/resource.ts";
import { formatAge, parseTime } from "#api/time.ts";
import { formatYaml } from "#api/yaml.ts";
import type { Clock } from "#base/clock.ts";
import { events } from "#client/kinds.ts";
import type { Session } from "./connection.ts";
import { read } from "./get.ts";
import { objectsNamed } from "./resource-names.ts";
import { formatTable } from "./table.ts";

/** Prints each object as it is, without what only machines read, and what happened to it. */
export async function describe(
  session: Session,
  words: readonly string[],
  clock: Clock,
): Promise<void> {
  const { cluster, io, signal } = session;
  for (const { resource, name } of objectsNamed(words)) {
    const path = objectPath(resource, cluster.namespace, name);
    const headers = { accept: "application/json" };
    const object = (await read(
      cluster,
      { method: "GET", path, headers },
      signal,
    )) as KubernetesObject;
    io.out(formatYaml(readable(object)));
    const fieldSelector = `involvedObject.name=${name},involvedObject.kind=${resource.kind}`;
    const namespace = resource.namespaced ? cluster.namespace : undefined;
    const found = await cluster.client.list<CoreV1Event>(
      events,
      { namespace, fieldSelector },
      signal,
    );
    io.out(formatEvents(found.items, clock.now()));
  }
}

/** Without managed fields, which are for appliers. */
export function readable(object: KubernetesObject): Json {
  const { metadata, ...rest } = object as { metadata?: Record<string, Json> };
  const shown = Object.entries(metadata ?? {}).filter(([name]) => name !== "managedFields");
  return { ...rest, metadata: Object.fromEntries(shown) };
}

export function formatEvents(found: readonly CoreV1Event[], nowMs: number): string {
  if (found.length === 0) return "events: none\n";
  const rows = found.map((it) => [
    it.type ?? "",
    it.reason ?? "",
    ageOf(it, nowMs),
    it.source?.component ?? it.reportingComponent ?? "",
    it.message ?? "",
  ]);
  return `events:\n${formatTable(["type", "reason", "age", "from", "message"], rows)}`;
}

function ageOf({ lastTimestamp, eventTime, count = 1 }: CoreV1Event, nowMs: number): string {
  const at = parseTime(lastTimestamp ?? eventTime ?? "");
  const age = at === undefined ? "<unknown>" : formatAge(nowMs - at);
  return count > 1 ? `${age} (x${count})` : age;
}
