import type { Pod } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { isStatus } from "#api/status.ts";
import type { Session } from "#cli/connection.ts";
import { found } from "#cli/found.ts";
import { persistentVolumeClaims, pods } from "#client/kinds.ts";
import { idOf, listContainers, nameOf } from "#containers/find.ts";
import { containerStateOf } from "#containers/state.ts";
import { awaitContainer } from "./create.ts";

/** Removes the pod at once and waits until it is gone. */
export async function removePod(session: Session, pod: Pod): Promise<void> {
  const { client } = session.cluster;
  const { namespace, name = "", uid } = pod.metadata ?? {};
  try {
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await client.delete(pods, { namespace, name }, options, session.signal);
  } catch (error) {
    // Another one of the name is not the one that was meant.
    if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
  }
  await awaitContainer(session, pod, (now) => now === undefined);
}

/** `gantry rm`. @throws {Error} as Docker says it, for one that runs. */
export async function removeContainer(
  session: Session,
  pod: Pod,
  options: { readonly force: boolean },
): Promise<void> {
  const { kind } = containerStateOf(pod);
  if ((kind === "running" || kind === "restarting") && !options.force) {
    throw new Error(
      `cannot remove container "/${nameOf(pod)}": container is running: stop the container before removing or force remove`,
    );
  }
  await removePod(session, pod);
}

/** @throws {Error} as Docker says it, for a volume in use or one that is not there. */
export async function removeVolume(session: Session, volume: string): Promise<void> {
  const { client, namespace } = session.cluster;
  const name = objectName(volume);
  const { items } = await client.list(pods, { namespace }, session.signal);
  const users = items.filter(({ spec }) =>
    (spec?.volumes ?? []).some((it) => it.persistentVolumeClaim?.claimName === name),
  );
  if (users.length > 0) {
    throw new Error(
      `remove ${volume}: volume is in use - [${users.map(nameOf).join(", ")}]: remove these containers first`,
    );
  }
  const at = { namespace, name };
  const claim = await found(client.get(persistentVolumeClaims, at, session.signal));
  if (claim === undefined) throw new Error(`get ${volume}: no such volume`);
  await found(client.delete(persistentVolumeClaims, at, {}, session.signal));
}

/** `gantry container prune`: removes those that do not run; resolves with their ids. */
export async function pruneContainers(session: Session): Promise<readonly string[]> {
  const all = await listContainers(session);
  const left = all.filter((it) => !["running", "restarting"].includes(containerStateOf(it).kind));
  for (const it of left) await removePod(session, it);
  return left.map(idOf);
}
