import type { Deployment, ReplicaSet } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import { deployments, replicaSets } from "#client/kinds.ts";
import { controllerOf } from "#client/object-key.ts";
import type { Session } from "./connection.ts";
import { fullName, objectsNamed } from "./resource-names.ts";
import { progressOf, templateToReturnTo } from "./rollout-progress.ts";
import { formatTable } from "./table.ts";

const revisionAnnotation = "deployment.kubernetes.io/revision";
const restartedAnnotation = "kubectl.kubernetes.io/restartedAt";

function deploymentNamed(target: string): string {
  const [named] = objectsNamed([target]);
  if (named?.resource.plural === "deployments") return named.name;
  throw new Error(`${target}: rollouts are known for deployments`);
}

/** Says how far the rollout is until it is complete. @throws {Error} when it cannot complete. */
export async function rolloutStatus(session: Session, target: string): Promise<void> {
  const { cluster, io, signal } = session;
  const name = deploymentNamed(target);
  const options = { namespace: cluster.namespace, fieldSelector: `metadata.name=${name}` };
  let said = "";
  const found = await cluster.client.get(
    deployments,
    { namespace: cluster.namespace, name },
    signal,
  );
  const { resourceVersion } = found.metadata ?? {};
  function isOver(deployment: Deployment): boolean {
    const progress = progressOf(deployment);
    if (progress.kind === "failed") throw new Error(progress.message);
    if (progress.message !== said) io.out(`${progress.message}\n`);
    said = progress.message;
    return progress.kind === "complete";
  }
  if (isOver(found)) return;
  const watch = cluster.client.watch<Deployment>(
    deployments,
    { ...options, resourceVersion },
    signal,
  );
  for await (const events of watch) {
    for (const { type, object } of events) {
      if (type === "DELETED") throw new Error(`deployment "${name}" was deleted`);
      if (type !== "BOOKMARK" && isOver(object)) return;
    }
  }
  throw new Error("the watch ended before the rollout did; try again");
}

async function revisionsOf(session: Session, name: string): Promise<ReplicaSet[]> {
  const { cluster, signal } = session;
  const { namespace } = cluster;
  const owner = await cluster.client.get(deployments, { namespace, name }, signal);
  const all = await cluster.client.list<ReplicaSet>(replicaSets, { namespace }, signal);
  return all.items
    .filter((it) => controllerOf(it)?.uid === owner.metadata?.uid)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata?.annotations?.[revisionAnnotation] ?? 0);
}

export async function rolloutHistory(session: Session, target: string): Promise<void> {
  const name = deploymentNamed(target);
  const rows = (await revisionsOf(session, name)).map((it) => [
    String(revisionOf(it)),
    it.metadata?.annotations?.["kubernetes.io/change-cause"] ?? "<none>",
  ]);
  session.io.out(`deployment.apps/${name}\n${formatTable(["revision", "change-cause"], rows)}`);
}

/** Returns to a revision; to the one before the current when it is 0. */
export async function rolloutUndo(
  session: Session,
  target: string,
  toRevision: number,
): Promise<void> {
  const { cluster, io, signal } = session;
  const name = deploymentNamed(target);
  const revisions = await revisionsOf(session, name);
  const template = templateToReturnTo(revisions, revisionOf, toRevision);
  const body = [{ op: "replace", path: "/spec/template", value: template }];
  const at = { namespace: cluster.namespace, name };
  await cluster.client.patch(deployments, at, { type: "json", body }, signal);
  io.out(`deployment.apps/${name} rolled back\n`);
}

export async function rolloutRestart(
  session: Session,
  target: string,
  clock: Clock,
): Promise<void> {
  const { cluster, io, signal } = session;
  const name = deploymentNamed(target);
  const annotations = { [restartedAnnotation]: formatTime(clock.now()) };
  const body = { spec: { template: { metadata: { annotations } } } };
  const at = { namespace: cluster.namespace, name };
  await cluster.client.patch(deployments, at, { type: "strategic", body }, signal);
  io.out(`deployment.apps/${name} restarted\n`);
}

/** Sets the replicas of anything that scales. */
export async function scale(
  session: Session,
  words: readonly string[],
  replicas: number,
): Promise<void> {
  const { cluster, io, signal } = session;
  for (const { resource, name } of objectsNamed(words)) {
    if (!resource.subresources.some((it) => it.name === "scale")) {
      throw new Error(`${resource.plural} cannot be scaled`);
    }
    const at = { namespace: cluster.namespace, name, subresource: "scale" };
    await cluster.client.patch(
      resource,
      at,
      { type: "merge", body: { spec: { replicas } } },
      signal,
    );
    io.out(`${fullName(resource, name)} scaled\n`);
  }
}
