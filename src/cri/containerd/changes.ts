import type { Clock } from "#base/clock.ts";
import type { ChangedFiles } from "#cri/runtime.ts";
import { Content } from "#cri/gen/content_pb.ts";
import { Diff } from "#cri/gen/diff_pb.ts";
import { Snapshots } from "#cri/gen/snapshots_pb.ts";
import { isNotFound, toRuntimeError } from "./errors.ts";
import type { CallOptions, GrpcConnection } from "./grpc.ts";
import { openLease } from "./lease.ts";
import { namespaceHeader, snapshotter } from "./namespace.ts";

interface Options {
  readonly connection: GrpcConnection;
  readonly clock: Clock;
}

const layerType = "application/vnd.oci.image.layer.v1.tar";
const callMsMax = 10 * 60 * 1000;
/** After it a lease whose holder died lets go. */
const leaseMs = 60 * 60 * 1000;

/** What a container's snapshot has that the one below it has not. @throws {RuntimeError} */
export async function changedFiles(
  options: Options,
  id: string,
  signal: AbortSignal,
): Promise<ChangedFiles> {
  const { connection, clock } = options;
  const bound = { deadlineMs: clock.now() + callMsMax, headers: namespaceHeader };
  try {
    const request = { snapshotter, key: id };
    const { mounts } = await connection.unary(Snapshots.method.mounts, request, bound, signal);
    const lower = mounts.flatMap((it) => it.options).find((it) => it.startsWith("lowerdir="));
    return {
      lowerDirectories: lower?.slice("lowerdir=".length).split(":") ?? [],
      layer: layerOf(options, id, signal),
    };
  } catch (error) {
    throw toRuntimeError(`show the changes of container ${id}`, "container", error);
  }
}

async function* layerOf(
  options: Options,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { connection, clock } = options;
  await using lease = await openLease(options, leaseMs, signal);
  const bound = { deadlineMs: clock.now() + callMsMax, headers: lease.headers };
  try {
    const digest = await diffOf(connection, { id, lease: lease.id }, bound, signal);
    const blob = connection.serverStream(Content.method.read, { digest }, bound, signal);
    for await (const { data } of blob) yield data;
  } catch (error) {
    throw toRuntimeError(`read the changes of container ${id}`, "container", error);
  }
}

/** Has containerd compare the container's files with its image's; resolves with the digest. */
async function diffOf(
  connection: GrpcConnection,
  { id, lease }: { readonly id: string; readonly lease: string },
  bound: CallOptions,
  signal: AbortSignal,
): Promise<string> {
  const { method } = Snapshots;
  const { info } = await connection.unary(method.stat, { snapshotter, key: id }, bound, signal);
  const view = { snapshotter, key: `gantry-changes-${lease}` };
  const left = await connection.unary(
    method.view,
    { ...view, parent: info?.parent ?? "", labels: {} },
    bound,
    signal,
  );
  try {
    const right = await connection.unary(method.mounts, { snapshotter, key: id }, bound, signal);
    const { diff } = await connection.unary(
      Diff.method.diff,
      {
        left: left.mounts.map(plain),
        right: right.mounts.map(plain),
        mediaType: layerType,
        ref: `gantry-changes-${lease}`,
        labels: {},
      },
      bound,
      signal,
    );
    return diff?.digest ?? "";
  } finally {
    await connection.unary(method.remove, view, bound, signal).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

/** Two services have a message of this name each. */
function plain(mount: {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}): { type: string; source: string; target: string; options: string[] } {
  const { type, source, target, options } = mount;
  return { type, source, target, options: [...options] };
}
