import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { isStatus } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import type { Informers } from "#client/informers.ts";
import { ingresses, nodes } from "#client/kinds.ts";
import { keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { Waiters } from "#client/waiters.ts";
import { IngressCluster } from "#ingress/cluster.ts";
import type { Problem } from "#ingress/model.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import { planStatus, servingAddresses, type StatusStep } from "./plan.ts";

export interface IngressPublisherOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Changes that come within this time are one: a service often comes a moment after its Ingress. */
const gatherMs = 500;

/**
 * Writes into each Ingress of our class where it is answered, and tells of what is wrong with it by
 * events, until the signal aborts. One of a cluster does it.
 */
export async function runIngressPublisher(
  options: IngressPublisherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, clock, log } = options;
  const waiters = new Waiters();
  const backoff = new Backoff<string>({ initialMs: 200, maxMs: 30_000 });
  const state = { isDirty: true };
  const touch = (): void => {
    state.isDirty = true;
    waiters.check();
  };
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(new IngressCluster(options, touch));
  const all = informers.of(nodes);
  stack.defer(all.subscribe(touch));
  const told = new ToldProblems(options.recorder);
  while (!signal.aborted) {
    try {
      await waiters.until(() => state.isDirty, signal);
      await clock.sleep(gatherMs, signal);
      state.isDirty = false;
      await all.synced(signal);
      const { served, problems } = await cluster.plan(signal);
      told.tell(problems);
      const addresses = servingAddresses(all.list());
      for (const step of planStatus(served, addresses)) await publish(options, step, signal);
      backoff.succeed("");
    } catch (error) {
      if (isAborted(signal)) return;
      state.isDirty = true;
      const afterMs = backoff.fail("");
      const cause = error instanceof Error ? error : new Error(String(error));
      log.error("status of ingresses not written", { afterMs, error: cause });
      await clock.sleep(afterMs, signal).catch(() => undefined); // Aborted: the loop ends.
    }
  }
}

async function publish(
  { client }: IngressPublisherOptions,
  { ingress, addresses }: StatusStep,
  signal: AbortSignal,
): Promise<void> {
  const at = { namespace: namespaceOf(ingress), name: nameOf(ingress), subresource: "status" };
  const list = addresses.map((ip) => ({ ip }));
  const body = { status: { loadBalancer: { ingress: list.length === 0 ? null : list } } };
  try {
    await client.patch(ingresses, at, { type: "merge", body }, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error; // Deleted meanwhile.
  }
}

/** Tells each problem when it appears, and once more when it comes back. */
class ToldProblems {
  readonly #recorder: EventRecorder;
  #told = new Set<string>();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  tell(problems: readonly Problem[]): void {
    const present = new Set<string>();
    for (const { ingress, reason, message } of problems) {
      const key = [keyOf(ingress), uidOf(ingress), reason, message].join(" ");
      present.add(key);
      if (this.#told.has(key)) continue;
      this.#recorder.record(ingresses, ingress, { type: "Warning", reason, message });
    }
    this.#told = present;
  }
}

/** The compiler takes a signal that the loop looked at for one that stays as it was. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
