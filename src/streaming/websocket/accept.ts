import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer, type WebSocket } from "ws";
import { WebSocketConnection } from "./connection.ts";

/** One message may hold this much; kubectl sends 32 KiB at a time. */
const messageBytesMax = 32 * 1024 * 1024;

/** The parts of an upgrade request that the handshake reads. Header names are in lower case. */
export interface WebSocketRequest {
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** True for a request that asks for a WebSocket, by its `Upgrade` header. */
export function wantsWebSocket({ headers }: WebSocketRequest): boolean {
  return [headers["upgrade"] ?? []].flat().some((it) => it.toLowerCase() === "websocket");
}

/** The subprotocols that the client offers, in its order; `[""]` when it offers none. */
export function offeredProtocols({ headers }: WebSocketRequest): readonly string[] {
  const offered = [headers["sec-websocket-protocol"] ?? []]
    .flat()
    .flatMap((it) => it.split(","))
    .map((it) => it.trim())
    .filter((it) => it !== "");
  return offered.length === 0 ? [""] : offered;
}

/** The first offered protocol that is supported, where "" stands for a client that names none. */
export function chooseProtocol<const Protocol extends string>(
  offered: readonly string[],
  supported: readonly Protocol[],
): Protocol | undefined {
  for (const it of offered) {
    const found = supported.find((protocol) => protocol === it);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Answers the handshake and gives the connection as messages. `protocol` is what
 * {@link chooseProtocol} found. @throws {Error} when the request is no proper handshake; nothing
 * has been written then.
 */
export async function acceptWebSocket(
  request: WebSocketRequest,
  socket: Duplex,
  head: Uint8Array,
  protocol: string,
): Promise<WebSocketConnection> {
  return new WebSocketConnection(await handshake(request, socket, head, protocol));
}

/** As {@link acceptWebSocket}, with the messages' payloads as one byte stream. */
export async function acceptWebSocketStream(
  request: WebSocketRequest,
  socket: Duplex,
  head: Uint8Array,
  protocol: string,
): Promise<Duplex> {
  return createWebSocketStream(await handshake(request, socket, head, protocol));
}

async function handshake(
  request: WebSocketRequest,
  socket: Duplex,
  head: Uint8Array,
  protocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  function gone(): void {
    reject(new Error("the client left during the WebSocket handshake"));
  }
  socket.once("close", gone);
  server.on("wsClientError", reject);
  server.on("headers", (headers) => {
    if (protocol !== "") headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  server.handleUpgrade(plainHandshake(request), socket, Buffer.from(head), resolve);
  try {
    return await promise;
  } finally {
    socket.off("close", gone);
  }
}

/**
 * The request without its subprotocols: `ws` refuses names with a slash, which
 * `SPDY/3.1+portforward.k8s.io` has, so the choice is made and answered here.
 */
function plainHandshake(request: WebSocketRequest): IncomingMessage {
  const plain = new IncomingMessage(new Socket());
  plain.method = request.method ?? "GET";
  for (const [name, value] of Object.entries(request.headers)) {
    if (name === "sec-websocket-protocol" || name === "sec-websocket-extensions") continue;
    plain.headers[name] = typeof value === "string" ? value : value?.join(", ");
  }
  return plain;
}
