import type { Clock } from "#base/clock.ts";
import { Leases } from "#cri/gen/leases_pb.ts";
import type { GrpcConnection } from "./grpc.ts";
import { namespaceHeader } from "./namespace.ts";

const callMsMax = 2 * 60 * 1000;

/** Holds what is made under it until it is disposed; its headers go with the calls that make things. */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param lifeMs after it a lease whose holder has died lets go. */
export async function openLease(
  { connection, clock }: { readonly connection: GrpcConnection; readonly clock: Clock },
  lifeMs: number,
  signal: AbortSignal,
): Promise<Lease> {
  const bound = { deadlineMs: clock.now() + callMsMax, headers: namespaceHeader };
  const expires = new Date(clock.now() + lifeMs).toISOString();
  const labels = { "containerd.io/gc.expire": expires };
  const { lease } = await connection.unary(Leases.method.create, { id: "", labels }, bound, signal);
  const id = lease?.id ?? "";
  return {
    id,
    headers: { ...namespaceHeader, "containerd-lease": id },
    async [Symbol.asyncDispose]() {
      const options = { deadlineMs: clock.now() + callMsMax, headers: namespaceHeader };
      const stop = new AbortController();
      // A lease that stays behind expires by its label.
      await connection
        .unary(Leases.method.delete, { id, sync: false }, options, stop.signal)
        .catch(() => undefined);
    },
  };
}
