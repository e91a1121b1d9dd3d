import type { Lease, Node } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatMicroTime } from "#api/time.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { KubeletApi } from "#kubelet/ports.ts";

/** Upstream's: a lease of 40 s, renewed every 10 s, 4 % apart so that nodes do not march in step. */
const durationSeconds = 40;
const renewMs = 10_000;
const jitterShare = 0.04;
const retry = { initialMs: 200, maxMs: 7_000 };

export const leaseNamespace = "kube-node-lease";

export interface LeaseOptions {
  readonly api: KubeletApi;
  readonly node: () => Node | undefined;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Says that the node is alive, until the signal aborts. Never rejects. */
export async function runLease(options: LeaseOptions, signal: AbortSignal): Promise<void> {
  const holder: Holder = { held: undefined, backoff: new Backoff<string>(retry) };
  while (!signal.aborted) {
    const pauseMs = await attempt(options, holder, signal);
    await options.clock.sleep(pauseMs, signal).catch(() => undefined); // Aborted: the loop ends.
  }
}

interface Holder {
  held: Lease | undefined;
  readonly backoff: Backoff<string>;
}

/** How long to wait before the next. */
async function attempt(
  options: LeaseOptions,
  holder: Holder,
  signal: AbortSignal,
): Promise<number> {
  try {
    holder.held = await renew(options, holder.held, signal);
    holder.backoff.succeed("lease");
    return renewMs * (1 + jitterShare * options.random.next());
  } catch (error) {
    // Somebody else wrote it, or it is gone: it is read again.
    holder.held = undefined;
    const cause = error instanceof Error ? error : new Error(String(error));
    if (!signal.aborted && !isStatus(error, "Conflict")) {
      options.log.error("lease not renewed", { error: cause });
    }
    return holder.backoff.fail("lease");
  }
}

async function renew(
  { api, node, nodeName, clock }: LeaseOptions,
  held: Lease | undefined,
  signal: AbortSignal,
): Promise<Lease> {
  const at = { namespace: leaseNamespace, name: nodeName };
  const known = held ?? (await api.getLease(at, signal));
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: durationSeconds,
    renewTime: formatMicroTime(clock.now()),
  };
  const uid = node()?.metadata?.uid;
  const owner = { apiVersion: "v1", kind: "Node", name: nodeName };
  const owners = uid === undefined ? {} : { ownerReferences: [{ ...owner, uid }] };
  if (known === undefined) {
    return await api.createLease({ metadata: { ...at, ...owners }, spec }, signal);
  }
  const metadata = { ...known.metadata, ...owners };
  return await api.updateLease({ ...known, metadata, spec: { ...known.spec, ...spec } }, signal);
}
