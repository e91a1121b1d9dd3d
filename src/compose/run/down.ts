import type { Pod } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { found } from "#cli/found.ts";
import type { Session } from "#cli/connection.ts";
import { namespaces, persistentVolumeClaims, pods } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { projectLabel } from "#compose/convert/names.ts";
import { awaitObjects } from "#cli/await-objects.ts";
import { oneOffLabel } from "./one-off.ts";
import { ofProject, sharedKinds, workloadKinds } from "./objects.ts";

export interface DownOptions {
  /** The volumes of the project, too, and with them its namespace. */
  readonly volumes: boolean;
}

/** Removes what `up` made, and waits for the last container. */
export async function down(session: Session, project: string, options: DownOptions): Promise<void> {
  const { client, namespace } = session.cluster;
  const selector = ofProject(project);
  const kinds = [
    ...(workloadKinds as readonly ResourceOf<KubernetesObject>[]),
    ...(sharedKinds as readonly ResourceOf<KubernetesObject>[]),
    ...(options.volumes ? [persistentVolumeClaims] : []),
  ];
  for (const kind of kinds) {
    const list = await client.list(kind, { namespace, labelSelector: selector }, session.signal);
    for (const { metadata } of list.items) {
      const name = metadata?.name ?? "";
      const how = { propagationPolicy: "Background" };
      await found(client.delete(kind, { namespace, name }, how, session.signal));
      session.io.err(` ${kind.kind} ${name}  removed\n`);
    }
  }
  const oneOff = { namespace, labelSelector: `${selector},${oneOffLabel}` };
  for (const { metadata } of (await client.list(pods, oneOff, session.signal)).items) {
    const at = { namespace, name: metadata?.name ?? "" };
    await found(client.delete(pods, at, {}, session.signal));
  }
  await awaitObjects<Pod>(session, pods, selector, (left) => left.length === 0);
  if (!options.volumes) return;
  const own = await found(client.get(namespaces, { name: namespace }, session.signal));
  if (own?.metadata?.labels?.[projectLabel] !== project) return;
  await client.delete(namespaces, { name: namespace }, {}, session.signal);
  session.io.err(` Namespace ${namespace}  removed\n`);
}
