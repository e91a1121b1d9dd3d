import type { DaemonSet, Deployment, Job, Pod } from "#api/gen/types.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import type { Session } from "#cli/connection.ts";
import { daemonSets, deployments, jobs, pods } from "#client/kinds.ts";
import { serviceLabel } from "#compose/convert/names.ts";
import { podsOf } from "./list.ts";
import { ofServices } from "./objects.ts";
import { hasEnded } from "./progress.ts";

/** On a Deployment that is stopped: how many pods it has when it runs. */
const replicasAnnotation = "gantry.dev/compose-replicas";

/** Services of a project; none means all. */
export interface Services {
  readonly project: string;
  readonly services: readonly string[];
}

/**
 * `compose stop`: takes the containers away and keeps what they are made of: Deployments have no
 * pods, Jobs are suspended. @param options.now without the time to end.
 */
export async function stopServices(
  session: Session,
  of: Services,
  options: { readonly now: boolean },
): Promise<void> {
  const { client, namespace } = session.cluster;
  const labelSelector = ofServices(of.project, of.services);
  await refuseDaemons(session, labelSelector);
  const stopping: string[] = [];
  const all = await client.list(deployments, { namespace, labelSelector }, session.signal);
  for (const it of all.items) {
    const replicas = wantedOf(it);
    if (replicas === 0) continue;
    const annotations = { [replicasAnnotation]: String(replicas) };
    const body = { metadata: { annotations }, spec: { replicas: 0 } };
    await client.patch(deployments, placeOf(session, it), { type: "merge", body }, session.signal);
    stopping.push(serviceOf(it));
  }
  const ending = await client.list(jobs, { namespace, labelSelector }, session.signal);
  for (const it of ending.items) {
    if (hasEnded(it) || it.spec?.suspend === true) continue;
    const body = { spec: { suspend: true } };
    await client.patch(jobs, placeOf(session, it), { type: "merge", body }, session.signal);
    stopping.push(serviceOf(it));
  }
  if (options.now) await killPods(session, of);
  await awaitObjects<Pod>(session, pods, labelSelector, (left) => left.every(hasEndedPod));
  for (const it of stopping) session.io.err(` Service ${it}  stopped\n`);
}

/** `compose start`: what was stopped runs again. @throws {Error} when there is no such service. */
export async function startServices(session: Session, of: Services): Promise<void> {
  const { client, namespace } = session.cluster;
  const labelSelector = ofServices(of.project, of.services);
  const all = await client.list(deployments, { namespace, labelSelector }, session.signal);
  const ending = await client.list(jobs, { namespace, labelSelector }, session.signal);
  if (all.items.length + ending.items.length === 0) {
    throw new Error(`no container found for project "${of.project}": gantry compose up makes them`);
  }
  for (const it of all.items) {
    const replicas = Number(annotationOf(it) ?? 0);
    if (wantedOf(it) > 0 || replicas === 0) continue;
    const body = { metadata: { annotations: { [replicasAnnotation]: null } }, spec: { replicas } };
    await client.patch(deployments, placeOf(session, it), { type: "merge", body }, session.signal);
    await awaitRunning(session, of, it, replicas);
  }
  for (const it of ending.items) {
    if (it.spec?.suspend !== true) continue;
    const body = { spec: { suspend: false } };
    await client.patch(jobs, placeOf(session, it), { type: "merge", body }, session.signal);
    session.io.err(` Service ${serviceOf(it)}  started\n`);
  }
}

/** `compose restart`: new containers in the place of those that run. */
export async function restartServices(session: Session, of: Services): Promise<void> {
  const { client, namespace } = session.cluster;
  const labelSelector = ofServices(of.project, of.services);
  const all = await client.list(deployments, { namespace, labelSelector }, session.signal);
  const before = (await podsOf(session, of.project, of.services)).filter(isLive);
  const old = new Set(before.map((it) => it.metadata?.uid));
  for (const pod of before) {
    if (pod.metadata?.ownerReferences?.some((it) => it.kind === "Job") === true) {
      const service = pod.metadata.labels?.[serviceLabel] ?? "";
      session.io.err(` Service ${service}  runs to its end; compose up starts it again then\n`);
      old.delete(pod.metadata.uid);
      continue;
    }
    await client.delete(pods, placeOf(session, pod), {}, session.signal);
  }
  await awaitObjects<Pod>(session, pods, labelSelector, (now) =>
    now.every((it) => !old.has(it.metadata?.uid)),
  );
  for (const it of all.items) await awaitRunning(session, of, it, it.spec?.replicas ?? 1);
}

/** `compose rm`: removes the workloads of services that do not run; resolves when they are gone. */
export async function removeStopped(session: Session, of: Services): Promise<void> {
  const { client, namespace } = session.cluster;
  const labelSelector = ofServices(of.project, of.services);
  const all = await client.list(deployments, { namespace, labelSelector }, session.signal);
  const stopped = all.items.filter((it) => it.spec?.replicas === 0);
  const how = { propagationPolicy: "Background" };
  for (const it of stopped) {
    await client.delete(deployments, placeOf(session, it), how, session.signal);
  }
  const ending = await client.list(jobs, { namespace, labelSelector }, session.signal);
  const ended = ending.items.filter((it) => hasEnded(it) || it.spec?.suspend === true);
  for (const it of ended) await client.delete(jobs, placeOf(session, it), how, session.signal);
  const names = [...stopped, ...ended].map((it) => serviceOf(it));
  if (names.length === 0) session.io.err("No stopped containers\n");
  for (const it of names) session.io.err(` Service ${it}  removed\n`);
}

async function awaitRunning(
  session: Session,
  of: Services,
  { metadata }: Deployment,
  replicas: number,
): Promise<void> {
  const service = metadata?.labels?.[serviceLabel] ?? "";
  await awaitObjects<Pod>(session, pods, ofServices(of.project, [service]), (all) => {
    return all.filter((it) => isLive(it) && it.status?.phase === "Running").length >= replicas;
  });
  session.io.err(` Service ${service}  started\n`);
}

async function killPods(session: Session, of: Services): Promise<void> {
  for (const pod of await podsOf(session, of.project, of.services)) {
    const options = { gracePeriodSeconds: 0 };
    await session.cluster.client.delete(pods, placeOf(session, pod), options, session.signal);
  }
}

async function refuseDaemons(session: Session, labelSelector: string): Promise<void> {
  const { client, namespace } = session.cluster;
  const { items } = await client.list(daemonSets, { namespace, labelSelector }, session.signal);
  const [first] = items;
  if (first === undefined) return;
  throw new Error(
    `service ${first.metadata?.name ?? ""} is in global mode, and runs while it is there: gantry compose rm or down removes it`,
  );
}

function wantedOf({ spec }: Deployment): number {
  return spec?.replicas ?? 1;
}

function annotationOf({ metadata }: Deployment): string | undefined {
  return metadata?.annotations?.[replicasAnnotation];
}

function serviceOf({ metadata }: Deployment | Job): string {
  return metadata?.labels?.[serviceLabel] ?? "";
}

function isLive(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp === undefined && !hasEndedPod(pod);
}

function hasEndedPod({ status }: Pod): boolean {
  return ["Succeeded", "Failed"].includes(status?.phase ?? "");
}

function placeOf(
  { cluster }: Session,
  { metadata }: Deployment | DaemonSet | Job | Pod,
): { readonly namespace: string; readonly name: string } {
  return { namespace: cluster.namespace, name: metadata?.name ?? "" };
}
