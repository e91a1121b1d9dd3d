import type { Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { formatTime } from "#api/time.ts";
import type { Client } from "#client/client.ts";
import type { Informers } from "#client/informers.ts";
import { pods } from "#client/kinds.ts";
import { isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { ownKey, runControllers, watches } from "#reconcile/controller.ts";
import { silentLogger } from "#base/log.ts";

/**
 * What controllers need of nodes: pods become ready as soon as they are seen, with an address of
 * their own, and go when they are deleted. No containers run. Ends when the signal aborts.
 */
export async function runTestKubelet(
  ports: { readonly client: Client; readonly informers: Informers; readonly clock: Clock },
  signal: AbortSignal,
  isHealthy: (pod: Pod) => boolean = () => true,
): Promise<void> {
  const informer = ports.informers.of(pods);
  let addresses = 0;
  async function reconcile(key: string): Promise<object> {
    const pod = informer.get(key);
    if (pod === undefined) return {};
    const at = { namespace: namespaceOf(pod), name: nameOf(pod) };
    try {
      if (isDeleting(pod)) {
        const options = { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } };
        await ports.client.delete(pods, at, options, signal);
      } else if (pod.status?.podIP === undefined) {
        const podIP = `10.0.${addresses >> 8}.${addresses++ & 255}`;
        const status = isHealthy(pod) ? "True" : "False";
        const lastTransitionTime = formatTime(ports.clock.now());
        const conditions = [{ type: "Ready", status, lastTransitionTime }];
        const body = { status: { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions } };
        const patch = { type: "merge", body } as const;
        await ports.client.patch(pods, { ...at, subresource: "status" }, patch, signal);
      }
    } catch (error) {
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    }
    return {};
  }
  const kubelet = { name: "kubelet", workers: 4, watches: [watches(informer, ownKey)], reconcile };
  await runControllers([kubelet], { clock: ports.clock, log: silentLogger }, signal);
}

/** Keys of pods, sorted, for comparisons. */
export function keysOf(list: readonly Pod[]): string[] {
  return list.map(keyOf).sort();
}
