import type { Pod } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import type { Session } from "#cli/connection.ts";
import { found } from "#cli/found.ts";
import { pods, services } from "#client/kinds.ts";
import { idOf, listContainers, nameOf } from "#containers/find.ts";
import { containerLabel, nameAnnotation } from "#containers/labels.ts";
import { checkContainerName } from "#containers/plan/container.ts";
import { createNames } from "./objects.ts";

/**
 * `gantry rename`: the pod keeps its name, and the container is found by its new one, in its networks,
 * too. @throws {Error} as Docker says it, for a name that is taken or that cannot be.
 */
export async function renameContainer(session: Session, pod: Pod, name: string): Promise<void> {
  const wanted = checkContainerName(name);
  const before = nameOf(pod);
  if (wanted === before) {
    throw new Error("Renaming a container with the same name as its current name");
  }
  const owner = (await listContainers(session)).find((it) => nameOf(it) === wanted);
  if (owner !== undefined) throw takenName(wanted, idOf(owner));
  const { client } = session.cluster;
  const { namespace, name: podName = "", labels } = pod.metadata ?? {};
  const body = { metadata: { annotations: { [nameAnnotation]: wanted } } };
  const at = { namespace, name: podName };
  await client.patch(pods, at, { type: "merge", body }, session.signal);
  const old = { namespace, name: objectName(before) };
  const service = await found(client.get(services, old, session.signal));
  if (service?.metadata?.labels?.[containerLabel] !== labels?.[containerLabel]) return;
  await client.delete(services, old, {}, session.signal);
  const [taken] = await createNames(session, pod, [wanted]);
  if (taken !== undefined)
    session.io.err(`warning: the name ${taken} is that of another container\n`);
}

/** As Docker says it. */
export function takenName(name: string, id: string): Error {
  return new Error(
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
