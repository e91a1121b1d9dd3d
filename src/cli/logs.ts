import type { Deployment, Pod, ReplicaSet } from "#api/gen/types.ts";
import { objectPath } from "#api/resource.ts";
import { deployments, pods, replicaSets } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import type { Session } from "./connection.ts";
import { objectsNamed } from "./resource-names.ts";

export interface LogOptions {
  readonly container?: string | undefined;
  readonly follow?: boolean | undefined;
  readonly previous?: boolean | undefined;
  readonly timestamps?: boolean | undefined;
  readonly tail?: number | undefined;
  /** `5s`, `2m`, `3h`. */
  readonly since?: string | undefined;
}

/** Prints the log of a pod, or of a pod of a Deployment. */
export async function logs(session: Session, target: string, options: LogOptions): Promise<void> {
  const { cluster, io, signal } = session;
  const name = await podOf(session, target);
  const query = new URLSearchParams();
  if (options.container !== undefined) query.set("container", options.container);
  if (options.follow === true) query.set("follow", "true");
  if (options.previous === true) query.set("previous", "true");
  if (options.timestamps === true) query.set("timestamps", "true");
  if (options.tail !== undefined) query.set("tailLines", String(options.tail));
  if (options.since !== undefined) query.set("sinceSeconds", String(parseSince(options.since)));
  const path = `${objectPath(pods, cluster.namespace, name)}/log?${query.toString()}`;
  const response = await cluster.client.raw({ method: "GET", path, headers: {} }, signal);
  for await (const chunk of response.body) io.out(chunk);
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** @throws {Error} for what is no duration. */
export function parseSince(text: string): number {
  const [, count, unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  const scale = seconds[unit];
  if (count === undefined || scale === undefined) {
    throw new Error(`'${text}' is no duration; expected one like 30s, 5m or 2h`);
  }
  return Number(count) * scale;
}

/** The pod that `pod/x`, `x` or `deploy/x` means. */
export async function podOf({ cluster, signal }: Session, target: string): Promise<string> {
  if (!target.includes("/")) return target;
  const [named] = objectsNamed([target]);
  if (named === undefined || named.resource.plural === "pods") return named?.name ?? target;
  const { plural } = named.resource;
  if (plural !== deployments.plural && plural !== replicaSets.plural) {
    throw new Error(`${target}: only pods, deployments and replicasets have logs`);
  }
  const at = { namespace: cluster.namespace, name: named.name };
  const kind: ResourceOf<Deployment | ReplicaSet> = { ...named.resource };
  const owner = await cluster.client.get(kind, at, signal);
  const labels = Object.entries(owner.spec?.selector.matchLabels ?? {});
  const labelSelector = labels.map(([key, value]) => `${key}=${value}`).join(",");
  const list = await cluster.client.list<Pod>(
    pods,
    { namespace: cluster.namespace, labelSelector },
    signal,
  );
  const running = list.items.find((it) => it.status?.phase === "Running") ?? list.items[0];
  if (running?.metadata?.name === undefined) throw new Error(`${target} has no pods`);
  return running.metadata.name;
}
