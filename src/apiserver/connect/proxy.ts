import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest, notFound, StatusError } from "#api/status.ts";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { ConnectTarget } from "#apiserver/connect-port.ts";
import type { ObjectSource } from "#apiserver/contract.ts";
import { headerOf, type ApiRequest, type ApiResponse } from "#apiserver/http/exchange.ts";
import { openUpgrade, UpgradeRefusedError, type Upgraded } from "#streaming/upgrade.ts";
import { dialed } from "./dial.ts";
import type { KubeletClient } from "./kubelet-client.ts";
import { nodeEndpoint, type NodeEndpoint } from "./node-endpoint.ts";
import { nodeFailure } from "./node-error.ts";
import { hostOf, requestPlain } from "./plain-client.ts";
import { isPage, writePage } from "./proxy-body.ts";
import { answeredHeaders, forwardedHeaders, requestHost } from "./proxy-headers.ts";
import { rewriteLink, type ProxyPlace } from "./proxy-links.ts";
import { parseProxyName, podTarget, serviceTarget, type ProxyTarget } from "./proxy-target.ts";
import { pump } from "./pump.ts";
import { splice } from "./splice.ts";

export interface ProxyPorts {
  readonly objects: ObjectSource;
  readonly kubelets: KubeletClient;
  readonly clock: Clock;
  readonly random: Random;
}

/** The other end of a proxied request. */
type Backend =
  | { readonly kind: "plain"; readonly target: ProxyTarget }
  | { readonly kind: "kubelet"; readonly node: NodeEndpoint };

/** Carries a plain request on. @throws {StatusError} when there is nothing to reach. */
export async function proxyRequest(
  ports: ProxyPorts,
  target: ConnectTarget,
  request: ApiRequest,
): Promise<ApiResponse> {
  const { prefix, path } = splitPath(request.url);
  const isReading = request.method === "GET" || request.method === "HEAD";
  if (path.startsWith("?") || path === "") {
    // Relative links of a page need the slash.
    if (isReading) return redirect(`${prefix}/${path}`);
  }
  const backend = findBackend(ports, target);
  const place = placeOf(backend, prefix, request);
  const body = await request.body();
  request.longRunning();
  const sent = {
    method: request.method,
    path: path.startsWith("/") ? path : `/${path}`,
    headers: forwardedHeaders(request, place),
    body,
  };
  const response = await send(ports, backend, sent, request.signal);
  return answer(response, place);
}

/** Carries an upgrade on, and connects the two sockets. @throws {StatusError} */
export async function proxyUpgrade(
  ports: ProxyPorts,
  target: ConnectTarget,
  request: ApiRequest,
  client: { readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  const { prefix, path } = splitPath(request.url);
  const backend = findBackend(ports, target);
  const headers: Record<string, string | string[]> = {};
  const place = placeOf(backend, prefix, request);
  for (const [name, value] of Object.entries(forwardedHeaders(request, place))) {
    if (value !== undefined) headers[name] = typeof value === "number" ? String(value) : value;
  }
  const upgrade = headerOf(request, "upgrade") ?? "websocket";
  const options = { method: request.method, upgrade, headers };
  const at = path.startsWith("/") ? path : `/${path}`;
  let upgraded: Upgraded;
  try {
    upgraded = await dialed(ports.clock, request.signal, async (signal) =>
      backend.kind === "kubelet"
        ? await ports.kubelets.upgrade(backend.node, { ...options, path: at }, signal)
        : await openUpgrade(
            {
              ...options,
              url: new URL(`${backend.target.scheme}://${hostOf(backend.target)}${at}`),
              tls: { rejectUnauthorized: false },
            },
            signal,
          ),
    );
  } catch (error) {
    if (error instanceof UpgradeRefusedError) {
      throw new StatusError(error.statusCode, "", error.body.trim(), { cause: error });
    }
    throw unreachable(backend, error);
  }
  splice(client.socket, client.head, upgraded);
}

/** `/api/v1/namespaces/x/pods/y/proxy`, and what follows, as it was sent. */
function splitPath(url: string): { readonly prefix: string; readonly path: string } {
  const pattern = /^\/api\/v1\/(?:namespaces\/[^/]+\/)?[^/]+\/[^/]+\/proxy/;
  const prefix = pattern.exec(url)?.[0];
  if (prefix === undefined) throw badRequest(`${url} is no path of a proxy`);
  return { prefix, path: url.slice(prefix.length) };
}

function findBackend({ objects, random }: ProxyPorts, target: ConnectTarget): Backend {
  const { resource, namespace } = target;
  const asked = parseProxyName(target.name, resource.replace(/s$/, ""));
  const object =
    target.object ?? objects.get(resource, "", resource === "nodes" ? "" : namespace, asked.name);
  if (object === undefined) throw notFound({ group: "", plural: resource }, asked.name);
  if (resource === "pods") return { kind: "plain", target: podTarget(object, asked) };
  if (resource === "services") {
    const slices = objects
      .list("endpointslices", "discovery.k8s.io", namespace)
      .filter((it) => serviceNameOf(it) === asked.name);
    return { kind: "plain", target: serviceTarget(object, slices, asked, random.next()) };
  }
  const node = nodeEndpoint(object);
  if (asked.port === "" || asked.port === String(node.port)) return { kind: "kubelet", node };
  const port = Number(asked.port);
  if (!Number.isInteger(port)) throw badRequest(`node port ${asked.port} is no number`);
  return { kind: "plain", target: { scheme: asked.scheme, host: node.address, port } };
}

function serviceNameOf(slice: {
  readonly [key: string]: unknown;
  readonly metadata?: unknown;
}): string | undefined {
  const { labels } = (slice.metadata ?? {}) as { labels?: Readonly<Record<string, string>> };
  return labels?.["kubernetes.io/service-name"];
}

function placeOf(backend: Backend, prefix: string, request: ApiRequest): ProxyPlace {
  const backendHost =
    backend.kind === "plain"
      ? hostOf(backend.target)
      : hostOf({ host: backend.node.address, port: backend.node.port });
  return { prefix, backendHost, requestHost: requestHost(request) };
}

async function send(
  { kubelets }: ProxyPorts,
  backend: Backend,
  sent: Parameters<typeof requestPlain>[1],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  try {
    return backend.kind === "kubelet"
      ? await kubelets.request(backend.node, sent, signal)
      : await requestPlain(backend.target, sent, signal);
  } catch (error) {
    throw unreachable(backend, error);
  }
}

function unreachable(backend: Backend, error: unknown): unknown {
  if (backend.kind === "kubelet") return nodeFailure(backend.node, error);
  const { scheme } = backend.target;
  const message = `error trying to reach service: ${scheme}://${hostOf(backend.target)}: ${describeError(error)}`;
  return new StatusError(503, "ServiceUnavailable", message, { cause: error });
}

function answer(response: IncomingMessage, place: ProxyPlace): ApiResponse {
  const status = response.statusCode ?? 502;
  const headers = answeredHeaders(response.headers);
  const { location } = response.headers;
  if (location !== undefined) headers["location"] = rewriteLink(location, place);
  if (location === undefined && isPage(response)) {
    delete headers["content-length"];
    delete headers["content-encoding"];
    return {
      status,
      headers,
      body: {
        kind: "stream",
        live: true,
        run: (sink, signal) => writePage(response, place, sink, signal),
      },
    };
  }
  return {
    status,
    headers,
    body: { kind: "stream", live: true, run: (sink, signal) => pump(response, sink, signal) },
  };
}

function redirect(location: string): ApiResponse {
  return { status: 301, headers: { location }, body: { kind: "bytes", bytes: new Uint8Array() } };
}
