import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";

/** What is asked of a container's node. */
export interface NodeRequest {
  readonly method: "GET" | "POST";
  /** `signal`, `inside-pack`, …: see `kubelet/server/routes.ts`. */
  readonly route: string;
  readonly query: URLSearchParams;
  /** The pod's first one where it is not said. */
  readonly container?: string | undefined;
}

/**
 * The path of the API server that leads to a container on its node, past what the API of Kubernetes
 * has words for. It takes the right to `nodes/proxy`.
 */
export async function nodePath(
  session: Session,
  pod: Pod,
  { route, query, container }: Omit<NodeRequest, "method">,
): Promise<string> {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  const node = pod.spec?.nodeName ?? (await nodeOf(session, pod));
  const of = container ?? pod.spec?.containers[0]?.name ?? "";
  const path = [namespace, name, uid, of].map(encodeURIComponent).join("/");
  return `/api/v1/nodes/${node}/proxy/${route}/${path}?${query.toString()}`;
}

/** The node's answer as it comes. @throws {StatusError} */
export async function streamFromNode(
  session: Session,
  pod: Pod,
  request: NodeRequest,
): Promise<AsyncIterable<Uint8Array>> {
  const path = await nodePath(session, pod, request);
  const asked = { method: request.method, path, headers: {} };
  const response = await session.cluster.client.raw(asked, session.signal);
  return response.body;
}

/** The node's answer. @throws {StatusError} */
export async function askNode(session: Session, pod: Pod, request: NodeRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await streamFromNode(session, pod, request)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function nodeOf(session: Session, pod: Pod): Promise<string> {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const now = await session.cluster.client.get(pods, { namespace, name }, session.signal);
  if (now.spec?.nodeName === undefined) throw new Error(`${name} has no node yet`);
  return now.spec.nodeName;
}
