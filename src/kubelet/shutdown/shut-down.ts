import type { Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Verdict } from "#kubelet/pod/input.ts";
import { planShutdown, shutdownGraceSeconds, type ShutdownGroup } from "./plan.ts";

/** What a group may take beyond its grace period until its last pod has given back what it had. */
const slackMs = 2_000;

export interface ShutdownOptions {
  readonly activePods: () => readonly Pod[];
  readonly end: (uid: string, verdict: Verdict) => boolean;
  /** Resolves when the pod has ended and the API knows it. Rejects when aborted. */
  readonly ended: (uid: string, signal: AbortSignal) => Promise<void>;
  readonly grace: { readonly graceMs: number; readonly criticalMs: number };
  readonly clock: Clock;
}

/** Ends all pods of the node, group by group. Resolves when all have ended or the time is over. */
export async function shutDown(options: ShutdownOptions, signal: AbortSignal): Promise<void> {
  for (const group of planShutdown(options.activePods(), options.grace)) {
    await endGroup(options, group, signal);
  }
}

async function endGroup(
  { end, ended, clock }: ShutdownOptions,
  group: ShutdownGroup,
  signal: AbortSignal,
): Promise<void> {
  const uids = group.pods.map((it) => it.metadata?.uid ?? "");
  for (const [index, pod] of group.pods.entries()) {
    end(uids[index] ?? "", {
      reason: "Terminated",
      message: "Pod was terminated in response to imminent node shutdown.",
      graceSeconds: shutdownGraceSeconds(pod, group),
      isDisruption: true,
    });
  }
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  const timer = clock.sleep(group.graceMs + slackMs, both).then(
    () => {
      limit.abort(new Error("the time for the pods to end is over"));
    },
    () => undefined, // All have ended.
  );
  await Promise.allSettled(uids.map((uid) => ended(uid, both)));
  limit.abort(new Error("all have ended"));
  await timer;
}
