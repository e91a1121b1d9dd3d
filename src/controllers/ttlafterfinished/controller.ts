import type { Job } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { parseTime } from "#api/time.ts";
import { jobs } from "#client/kinds.ts";
import { isDeleting, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { isFinished } from "#controllers/job/status.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";

/** Deletes Jobs some time after they have finished, if they ask for it. */
export function ttlAfterFinishedController({
  client,
  clock,
  informers,
}: ControllerPorts): Controller {
  const informer = informers.of(jobs);
  return {
    name: "ttl-after-finished-controller",
    workers: 4,
    watches: [watches(informer, ownKey)],
    async reconcile(key, signal) {
      const job = informer.get(key);
      const expiry = job === undefined || isDeleting(job) ? undefined : expiryOf(job);
      if (job === undefined || expiry === undefined) return {};
      const leftMs = expiry - clock.now();
      if (leftMs > 0) return { afterMs: leftMs };
      const at = { namespace: namespaceOf(job), name: nameOf(job) };
      try {
        const { resourceVersion } = job.metadata ?? {};
        // A Job that was changed meanwhile may have another time to live.
        const preconditions = { uid: uidOf(job), resourceVersion };
        const options = { preconditions, propagationPolicy: "Foreground" } as const;
        await client.delete(jobs, at, options, signal);
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
      return {};
    },
  };
}

/** When the Job is to go, in milliseconds since the epoch; undefined for never. */
export function expiryOf(job: Job): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  if (seconds === undefined || !isFinished(job)) return undefined;
  const end = (job.status?.conditions ?? []).find(
    (it) => (it.type === "Complete" || it.type === "Failed") && it.status === "True",
  );
  const finished = parseTime(end?.lastTransitionTime ?? "");
  return finished === undefined ? undefined : finished + seconds * 1_000;
}
