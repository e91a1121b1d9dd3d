import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";

/** Sends a signal to the first process of a running container, by its node. @throws {StatusError} */
export async function signalPod(session: Session, pod: Pod, name: string): Promise<void> {
  const { client } = session.cluster;
  const { namespace = "", name: podName = "", uid = "" } = pod.metadata ?? {};
  const node = pod.spec?.nodeName ?? (await nodeOf(session, pod));
  const container = pod.spec?.containers[0]?.name ?? "";
  const path = [namespace, podName, uid, container].map(encodeURIComponent).join("/");
  const response = await client.raw(
    {
      method: "POST",
      path: `/api/v1/nodes/${node}/proxy/signal/${path}?signal=${encodeURIComponent(name)}`,
      headers: {},
    },
    session.signal,
  );
  for await (const chunk of response.body) session.io.err(chunk);
}

async function nodeOf(session: Session, pod: Pod): Promise<string> {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const now = await session.cluster.client.get(pods, { namespace, name }, session.signal);
  if (now.spec?.nodeName === undefined) throw new Error(`${name} has no node yet`);
  return now.spec.nodeName;
}
