import type { Job, Pod } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { isStatus } from "#api/status.ts";
import { found } from "#cli/found.ts";
import type { Session } from "#cli/connection.ts";
import { jobs, pods } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { convert, type ConvertOptions } from "#compose/convert/convert.ts";
import { serviceLabel, templateLabel } from "#compose/convert/names.ts";
import { replicasOf, type Workload } from "#compose/convert/workloads.ts";
import type { Dependency, Project } from "#compose/project/model.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import { applyObject, ensureNamespace, ofProject, ofServices, workloadKinds } from "./objects.ts";
import { checkSucceeded, hasEnded, isFulfilled, startFault } from "./progress.ts";

export interface UpOptions extends ConvertOptions {
  /** Until all containers are healthy, or have ended well. */
  readonly wait: boolean;
  /** Workloads of services that the files do not have any more are removed. */
  readonly removeOrphans: boolean;
  /** Every service of the files, of which the project may be a part. */
  readonly all: readonly string[];
  /** Done in the place of one service, once what it depends on is as far as it wants it. */
  readonly instead?: { readonly service: string; readonly act: () => Promise<void> } | undefined;
}

/**
 * Makes the cluster as the project says: what all share first, then every service once its
 * dependencies are as far as it wants them.
 */
export async function up(session: Session, project: Project, options: UpOptions): Promise<void> {
  const manifests = convert(project, options);
  for (const it of manifests.warnings) session.io.err(`warning: ${it}\n`);
  await ensureNamespace(session, project.name);
  for (const object of manifests.shared) {
    const change = await applyObject(session, object);
    if (change === "created")
      say(session, `${object.kind ?? ""} ${object.metadata?.name ?? ""}`, change);
  }
  await orphans(session, project, options);
  const started = new Map<string, Promise<void>>();
  const start = (name: string): Promise<void> => {
    const known = started.get(name);
    if (known !== undefined) return known;
    const { instead } = options;
    const own = startService(session, { project, name, manifests, start, instead });
    started.set(name, own);
    return own;
  };
  // Every failure is told by the first; the others are waited for, so that nothing goes on behind.
  const outcomes = await Promise.allSettled(Object.keys(project.services).map(start));
  const failed = outcomes.find((it) => it.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (!options.wait) return;
  await Promise.all(
    Object.keys(project.services).map(async (name) => {
      const condition =
        manifests.workloads[name]?.kind === "Job"
          ? "service_completed_successfully"
          : "service_healthy";
      await awaitCondition(session, { project, manifests }, name, condition);
      say(session, `Service ${name}`, condition === "service_healthy" ? "healthy" : "completed");
    }),
  );
}

interface Start {
  readonly project: Project;
  readonly name: string;
  readonly manifests: { readonly workloads: Readonly<Record<string, Workload>> };
  readonly start: (name: string) => Promise<void>;
  readonly instead: UpOptions["instead"];
}

async function startService(session: Session, it: Start): Promise<void> {
  const { project, name, manifests } = it;
  const workload = manifests.workloads[name];
  if (workload === undefined) return;
  const dependencies = Object.entries(project.services[name]?.depends_on ?? {});
  await Promise.all(
    dependencies.map(async ([dependency, { condition, required }]) => {
      if (project.services[dependency] === undefined) return;
      try {
        await it.start(dependency);
        await awaitCondition(session, it, dependency, condition);
      } catch (error) {
        if (required !== false || session.signal.aborted) throw error;
        session.io.err(
          `warning: ${name} starts without ${dependency}: ${(error as Error).message}\n`,
        );
      }
    }),
  );
  if (it.instead?.service === name) {
    await it.instead.act();
    return;
  }
  const selector = ofServices(project.name, [name]);
  say(session, `Service ${name}`, await applyWorkload(session, workload, selector));
}

/** Jobs cannot be changed, and one that has ended is started anew, as a container would be. */
async function applyWorkload(
  session: Session,
  workload: Workload,
  selector: string,
): Promise<string> {
  if (workload.kind !== "Job") return await applyObject(session, workload);
  const { client, namespace } = session.cluster;
  const at = { namespace, name: workload.metadata?.name ?? "" };
  const before = await found(client.get(jobs, at, session.signal));
  try {
    if (before === undefined || !hasEnded(before)) return await applyObject(session, workload);
  } catch (error) {
    if (!isStatus(error, "Invalid")) throw error;
  }
  await client.delete(jobs, at, { propagationPolicy: "Foreground" }, session.signal);
  await awaitObjects<Job>(session, jobs, selector, (left) => left.length === 0);
  await applyObject(session, workload);
  return "started again";
}

async function awaitCondition(
  session: Session,
  { project, manifests }: Pick<Start, "project" | "manifests">,
  name: string,
  condition: Dependency["condition"],
): Promise<void> {
  const selector = ofServices(project.name, [name]);
  const service = project.services[name];
  if (condition === "service_completed_successfully") {
    await awaitSuccess(session, name, selector);
    return;
  }
  const replicas = service === undefined ? 1 : replicasOf(service);
  // Pods of the definition before are still there, and healthy, right after a change.
  const made = manifests.workloads[name]?.spec?.template.metadata?.labels?.[templateLabel] ?? "";
  await awaitObjects<Pod>(session, pods, `${selector},${templateLabel}=${made}`, (own) => {
    const fault = startFault(own);
    if (fault !== undefined) throw new Error(`service "${name}" cannot start: ${fault}`);
    return isFulfilled(condition, own, replicas);
  });
}

/** Waits until the job of a service has ended. @throws {Error} when it has failed. */
async function awaitSuccess(session: Session, name: string, selector: string): Promise<void> {
  const [job] = await awaitObjects<Job>(session, jobs, selector, (it) => it.some(hasEnded));
  const { client, namespace } = session.cluster;
  const own = await client.list(pods, { namespace, labelSelector: selector }, session.signal);
  if (job !== undefined) checkSucceeded(name, job, own.items);
}

async function orphans(
  session: Session,
  project: Project,
  { removeOrphans: remove, all }: Pick<UpOptions, "removeOrphans" | "all">,
): Promise<void> {
  const { client, namespace } = session.cluster;
  const known = new Set(all.map(objectName));
  for (const kind of workloadKinds as readonly ResourceOf<Workload>[]) {
    const options = { namespace, labelSelector: ofProject(project.name) };
    const list = await client.list(kind, options, session.signal);
    for (const { metadata } of list.items) {
      const name = metadata?.name ?? "";
      if (known.has(metadata?.labels?.[serviceLabel] ?? "")) continue;
      if (!remove) {
        session.io.err(
          `warning: ${name} is of a service that the files do not have; --remove-orphans removes it\n`,
        );
        continue;
      }
      const how = { propagationPolicy: "Background" };
      await client.delete(kind, { namespace, name }, how, session.signal);
      say(session, `Service ${name}`, "removed");
    }
  }
}

function say(session: Session, what: string, happened: string): void {
  session.io.err(` ${what}  ${happened}\n`);
}
