import { describeError } from "#base/log.ts";
import { parsePorts } from "#streaming/port-forward/channels.ts";
import { SpdySession } from "#streaming/spdy/session.ts";
import { acceptSpdyUpgrade } from "#streaming/upgrade.ts";
import {
  acceptWebSocket,
  acceptWebSocketStream,
  chooseProtocol,
  offeredProtocols,
  wantsWebSocket,
} from "#streaming/websocket/accept.ts";
import { unsupported } from "./commands.ts";
import type { ServerContext } from "./context.ts";
import { ServerFault } from "./fault.ts";
import { forwardOverSpdy } from "./forward-spdy.ts";
import { forwardOverWebSocket } from "./forward-websocket.ts";
import type { OpenPort } from "./open-port.ts";
import { readySandbox } from "./pods.ts";
import type { Route } from "./routes.ts";
import type { Upgrade } from "./upgrade.ts";

const spdyProtocol = "portforward.k8s.io";
/** SPDY within WebSocket messages, for proxies that let only WebSockets pass. */
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
const channelProtocols = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"] as const;

/**
 * Serves port-forward. Resolves when the connection is over.
 * @throws {ServerFault} before anything was written.
 */
export async function servePortForward(
  context: ServerContext,
  asked: {
    readonly route: Extract<Route, { kind: "port-forward" }>;
    readonly query: URLSearchParams;
  },
  { request, socket, head }: Upgrade,
  signal: AbortSignal,
): Promise<void> {
  const open = portOpener(context, asked.route);
  if (!wantsWebSocket(request)) {
    if (acceptSpdyUpgrade(request, socket, [spdyProtocol]) === undefined) return;
    await forwardOverSpdy(new SpdySession(socket, { role: "server", head }), open, context.clock);
    return;
  }
  const offered = offeredProtocols(request);
  const protocol = chooseProtocol(offered, [tunnelProtocol, ...channelProtocols]);
  if (protocol === undefined) throw unsupported(offered);
  if (protocol === tunnelProtocol) {
    const tunnel = await acceptWebSocketStream(request, socket, head, protocol);
    await forwardOverSpdy(new SpdySession(tunnel, { role: "server" }), open, context.clock);
    return;
  }
  const ports = parsePorts([...asked.query.getAll("port"), ...asked.query.getAll("ports")]);
  if (ports === undefined || ports.length === 0) {
    throw new ServerFault(400, 'query parameter "port" is required');
  }
  const connection = await acceptWebSocket(request, socket, head, protocol);
  const isBase64 = protocol === "v4.base64.channel.k8s.io";
  await forwardOverWebSocket(connection, { ports, isBase64, open }, signal);
}

function portOpener(
  { pods, runtime }: ServerContext,
  { namespace, pod, uid }: Extract<Route, { kind: "port-forward" }>,
): OpenPort {
  const served = pods.find(namespace, pod, uid);
  if (served === undefined) throw new ServerFault(404, "pod does not exist");
  const sandboxId = readySandbox(served);
  if (sandboxId === undefined) {
    throw new ServerFault(404, `pod not found ("${pod}_${namespace}")`);
  }
  const podUid = served.pod.metadata?.uid ?? "";
  return async (port, signal) => {
    try {
      return await runtime.portForward(sandboxId, port, signal);
    } catch (error) {
      throw forwardError(port, `${pod}_${namespace}, uid ${podUid}`, error);
    }
  };
}

function forwardError(port: number, pod: string, error: unknown): Error {
  return new Error(`error forwarding port ${port} to pod ${pod}: ${describeError(error)}`);
}
