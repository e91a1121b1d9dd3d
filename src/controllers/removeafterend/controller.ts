import { isStatus } from "#api/status.ts";
import { pods } from "#client/kinds.ts";
import { isDeleting, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { removalTime } from "./plan.ts";

/**
 * Removes containers of `gantry run --rm` that have ended: those that nobody is attached to, and those
 * whose client has gone.
 */
export function removeAfterEndController({
  client,
  clock,
  informers,
}: ControllerPorts): Controller {
  const informer = informers.of(pods);
  return {
    name: "remove-after-end-controller",
    workers: 2,
    watches: [
      watches(
        informer,
        ownKey,
        ({ current }) => current !== undefined && removalTime(current) !== undefined,
      ),
    ],
    async reconcile(key, signal) {
      const pod = informer.get(key);
      const time = pod === undefined || isDeleting(pod) ? undefined : removalTime(pod);
      if (pod === undefined || time === undefined) return {};
      const leftMs = time - clock.now();
      if (leftMs > 0) return { afterMs: leftMs };
      const at = { namespace: namespaceOf(pod), name: nameOf(pod) };
      try {
        const options = { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } };
        await client.delete(pods, at, options, signal);
      } catch (error) {
        if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
      }
      return {};
    },
  };
}
