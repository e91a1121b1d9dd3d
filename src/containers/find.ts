import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { containerSelector, idAnnotation, nameAnnotation } from "./labels.ts";

const idPattern = /^[0-9a-f]{1,64}$/;

/** No container of that name. */
export class NoSuchContainer extends Error {
  override readonly name = "NoSuchContainer";
}

/** All containers of the session's namespace, the newest first. */
export async function listContainers(session: Session): Promise<readonly Pod[]> {
  const { client, namespace } = session.cluster;
  const options = { namespace, labelSelector: containerSelector };
  const { items } = await client.list(pods, options, session.signal);
  const created = (pod: Pod): string => pod.metadata?.creationTimestamp ?? "";
  return items.toSorted((a, b) => created(b).localeCompare(created(a)));
}

/** The container of a name, or of the beginning of an id. @throws {NoSuchContainer} */
export async function findContainer(session: Session, text: string): Promise<Pod> {
  const found = await lookForContainer(session, text);
  if (found === undefined) throw new NoSuchContainer(`No such container: ${text}`);
  return found;
}

/** Undefined when there is none. @throws {Error} when several ids begin so. */
export async function lookForContainer(session: Session, text: string): Promise<Pod | undefined> {
  return chooseContainer(await listContainers(session), text);
}

export function chooseContainer(all: readonly Pod[], text: string): Pod | undefined {
  const wanted = text.replace(/^\//, "");
  const named = all.find((it) => nameOf(it) === wanted) ?? all.find((it) => podName(it) === wanted);
  if (named !== undefined || !idPattern.test(wanted)) return named;
  const [first, second] = all.filter((it) => idOf(it).startsWith(wanted));
  if (second !== undefined) {
    throw new Error(`multiple containers begin with '${text}': write more of the id`);
  }
  return first;
}

/** The container's name as the user wrote it. */
export function nameOf(pod: Pod): string {
  return pod.metadata?.annotations?.[nameAnnotation] ?? podName(pod);
}

export function podName(pod: Pod): string {
  return pod.metadata?.name ?? "";
}

/** Of a pod that `gantry run` has not made, the digits of its uid. */
export function idOf({ metadata }: Pod): string {
  return metadata?.annotations?.[idAnnotation] ?? metadata?.uid?.replaceAll("-", "") ?? "";
}
