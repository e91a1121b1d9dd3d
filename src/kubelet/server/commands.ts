import type { ProcessSession } from "#cri/runtime.ts";
import { describeError } from "#base/log.ts";
import { findContainer } from "#kubelet/pod/containers.ts";
import type { CommandStreams, WantedStreams } from "#streaming/remote-command/command-streams.ts";
import {
  commandSpdyProtocols,
  openSpdyCommand,
  type CommandSpdyProtocol,
} from "#streaming/remote-command/spdy-server.ts";
import {
  commandWebSocketProtocols,
  openWebSocketCommand,
} from "#streaming/remote-command/websocket-server.ts";
import { SpdySession } from "#streaming/spdy/session.ts";
import { acceptSpdyUpgrade } from "#streaming/upgrade.ts";
import {
  acceptWebSocket,
  chooseProtocol,
  offeredProtocols,
  wantsWebSocket,
} from "#streaming/websocket/accept.ts";
import { parseWantedStreams } from "./command-options.ts";
import type { ServerContext } from "./context.ts";
import { ServerFault } from "./fault.ts";
import { runningInstance, type ServedPod } from "./pods.ts";
import { closed, relay } from "./relay.ts";
import type { ContainerRoute } from "./routes.ts";
import type { Upgrade } from "./upgrade.ts";

interface AskedCommand {
  readonly route: ContainerRoute;
  readonly query: URLSearchParams;
}

/**
 * Serves exec and attach. Resolves when the command's connection is over.
 * @throws {ServerFault} before anything was written.
 */
export async function serveCommand(
  context: ServerContext,
  asked: AskedCommand,
  upgrade: Upgrade,
  signal: AbortSignal,
): Promise<void> {
  const wanted = parseWantedStreams(asked.query);
  if (wanted === undefined) {
    throw new ServerFault(400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  const start = sessionStarter(context, asked, wanted);
  await connectSession(context, { wanted, start }, upgrade, signal);
}

/** A client's connection with a process that is started once its streams are there. */
export async function connectSession(
  context: Pick<ServerContext, "clock">,
  { wanted, start }: SessionRequest,
  upgrade: Upgrade,
  signal: AbortSignal,
): Promise<void> {
  const client = await acceptCommand(context, upgrade, wanted);
  if (client === undefined) return;
  let session: ProcessSession;
  try {
    session = await start(signal);
  } catch (error) {
    const message = `error executing command in container: ${describeError(error)}`;
    await client.finish({ kind: "error", message }).catch(() => {
      client.destroy();
    });
    await closed(client, context.clock);
    return;
  }
  const hasOutput = wanted.stdout || wanted.stderr;
  await relay(session, client, { clock: context.clock, hasOutput });
}

export interface SessionRequest {
  readonly wanted: WantedStreams;
  readonly start: (signal: AbortSignal) => Promise<ProcessSession>;
}

/** Finds the container now, and starts the process when the client's streams are there. */
function sessionStarter(
  { pods, runtime }: ServerContext,
  { route, query }: AskedCommand,
  wanted: WantedStreams,
): (signal: AbortSignal) => Promise<ProcessSession> {
  const served = pods.find(route.namespace, route.pod, route.uid);
  if (served === undefined) throw new ServerFault(404, "pod does not exist");
  const id = runningInstance(served, route.container);
  if (id === undefined) {
    // kubectl shows this text, and scripts search for it.
    throw new ServerFault(500, `container not found ("${route.container}")`);
  }
  if (route.kind === "exec") {
    const command = query.getAll("command");
    return (signal) => runtime.exec(id, { ...wanted, command }, signal);
  }
  const tty = hasTerminal(served, route.container);
  return (signal) => runtime.attach(id, { ...wanted, tty, stderr: wanted.stderr && !tty }, signal);
}

/** Whether a process has a terminal was settled when it started. */
function hasTerminal({ pod }: ServedPod, container: string): boolean {
  return findContainer(pod, container)?.spec.tty ?? false;
}

/** Undefined: the client was refused, or left. */
async function acceptCommand(
  { clock }: Pick<ServerContext, "clock">,
  { request, socket, head }: Upgrade,
  wanted: WantedStreams,
): Promise<CommandStreams | undefined> {
  if (wantsWebSocket(request)) {
    const protocol = chooseProtocol(offeredProtocols(request), commandWebSocketProtocols);
    if (protocol === undefined) throw unsupported(offeredProtocols(request));
    const connection = await acceptWebSocket(request, socket, head, protocol);
    return openWebSocketCommand(connection, protocol, wanted);
  }
  const chosen = acceptSpdyUpgrade(request, socket, commandSpdyProtocols);
  if (chosen === undefined) return undefined;
  const session = new SpdySession(socket, { role: "server", head });
  const protocol = commandSpdyProtocols.find((it) => it === chosen);
  return await openSpdyCommand(session, protocol ?? oldestProtocol, wanted, clock);
}

/** What a client speaks that names no protocol. */
const oldestProtocol: CommandSpdyProtocol = "channel.k8s.io";

export function unsupported(offered: readonly string[]): ServerFault {
  return new ServerFault(
    403,
    `none of the subprotocols [${offered.join(" ")}] is supported; use v5.channel.k8s.io or SPDY/3.1`,
  );
}
