import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";

/** On a pod of `gantry run --rm`: seconds after its end at which it is removed. */
export const removeAnnotation = "gantry.dev/remove-after-seconds";

/** When an ended pod is to go, in milliseconds since the epoch; undefined for never or not yet. */
export function removalTime(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[removeAnnotation];
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  if (!["Succeeded", "Failed"].includes(pod.status?.phase ?? "")) return undefined;
  const ends = (pod.status?.containerStatuses ?? []).map(
    (it) => parseTime(it.state?.terminated?.finishedAt ?? "") ?? 0,
  );
  const created = parseTime(pod.metadata?.creationTimestamp ?? "") ?? 0;
  return Math.max(created, ...ends) + Number(text) * 1_000;
}
