import { objectName } from "#api/names.ts";
import type { KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import { found } from "#cli/found.ts";
import type { Session } from "#cli/connection.ts";
import {
  configMaps,
  daemonSets,
  deployments,
  jobs,
  namespaces,
  networkPolicies,
  persistentVolumeClaims,
  secrets,
  services,
} from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { projectLabel, serviceLabel } from "#compose/convert/names.ts";

const fieldManager = "gantry-compose";

/** Kinds that a project is made of; claims are kept when the project goes. */
export const workloadKinds = [deployments, daemonSets, jobs] as const;
export const sharedKinds = [services, networkPolicies, configMaps, secrets] as const;

const kinds: readonly ResourceOf<KubernetesObject>[] = [
  ...(workloadKinds as readonly ResourceOf<KubernetesObject>[]),
  ...(sharedKinds as readonly ResourceOf<KubernetesObject>[]),
  persistentVolumeClaims,
];

export function kindOf(object: KubernetesObject): ResourceOf<KubernetesObject> {
  const found = kinds.find((it) => it.kind === object.kind);
  if (found === undefined) throw new Error(`no kind ${object.kind ?? ""}`);
  return found;
}

export type Change = "created" | "changed" | "unchanged";

/** Server-side apply in the session's namespace; what the files say wins over other managers. */
export async function applyObject(session: Session, object: KubernetesObject): Promise<Change> {
  const { client, namespace } = session.cluster;
  const kind = kindOf(object);
  const at = { namespace, name: object.metadata?.name ?? "" };
  const before = await found(client.get(kind, at, session.signal));
  const body = { ...object, metadata: { ...object.metadata, namespace } };
  const options = { fieldManager, force: true };
  const after = await client.apply(kind, body, options, session.signal);
  if (before === undefined) return "created";
  const generation = (it: KubernetesObject): unknown => it.metadata?.generation;
  return generation(before) === generation(after) ? "unchanged" : "changed";
}

/** The namespace of a project; one that is not there is made, and goes with the project. */
export async function ensureNamespace(session: Session, project: string): Promise<void> {
  const { client, namespace } = session.cluster;
  const metadata = { name: namespace, labels: { [projectLabel]: project } };
  try {
    await client.create(namespaces, { metadata }, {}, session.signal);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}

/** Label selector of all that a project is made of. */
export function ofProject(project: string): string {
  return `${projectLabel}=${project}`;
}

/** Label selector of these services' objects; none means of all services. */
export function ofServices(project: string, services: readonly string[]): string {
  if (services.length === 0) return ofProject(project);
  return `${ofProject(project)},${serviceLabel} in (${services.map(objectName).join(",")})`;
}
