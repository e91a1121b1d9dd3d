import type { Pod } from "#api/gen/types.ts";
import { objectPath } from "#api/resource.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import { podsOf } from "./list.ts";
import { logLines } from "#cli/log-lines.ts";
import { ofServices } from "./objects.ts";

export interface LogOptions {
  readonly follow: boolean;
  /** Lines of each container; undefined: all. */
  readonly tail?: number | undefined;
  readonly timestamps: boolean;
  readonly prefix: boolean;
}

/** What the containers of a project have written, each line with the name of its pod. */
export async function logs(
  session: Session,
  of: { readonly project: string; readonly services: readonly string[] },
  options: LogOptions,
): Promise<void> {
  const first = await podsOf(session, of.project, of.services);
  if (!options.follow) {
    for (const pod of first) await print(session, pod, options);
    return;
  }
  const seen = new Set<string>();
  await using tasks = new TaskGroup((error) => {
    if (!session.signal.aborted) session.io.err(`logs: ${(error as Error).message}\n`);
  });
  const followNew = (found: readonly Pod[]): boolean => {
    for (const pod of found) {
      const uid = pod.metadata?.uid ?? "";
      const hasLog = pod.status?.containerStatuses?.some((it) => it.state?.waiting === undefined);
      if (seen.has(uid) || hasLog !== true) continue;
      seen.add(uid);
      tasks.start(() => print(session, pod, options));
    }
    return false; // Until the user has seen enough.
  };
  await awaitObjects<Pod>(session, pods, ofServices(of.project, of.services), followNew);
}

async function print(session: Session, pod: Pod, options: LogOptions): Promise<void> {
  const { cluster, io, signal } = session;
  const name = pod.metadata?.name ?? "";
  const query = new URLSearchParams();
  if (options.follow) query.set("follow", "true");
  if (options.timestamps) query.set("timestamps", "true");
  if (options.tail !== undefined) query.set("tailLines", String(options.tail));
  const path = `${objectPath(pods, cluster.namespace, name)}/log?${query.toString()}`;
  const { body } = await cluster.client.raw({ method: "GET", path, headers: {} }, signal);
  const prefix = Buffer.from(options.prefix ? `${name} | ` : "");
  for await (const line of logLines(body)) io.out(Buffer.concat([prefix, line]));
}
