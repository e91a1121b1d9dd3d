import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest, StatusError } from "#api/status.ts";
import type { ApiRequest } from "#apiserver/http/exchange.ts";
import {
  acceptWebSocket,
  chooseProtocol,
  offeredProtocols,
  wantsWebSocket,
} from "#streaming/websocket/accept.ts";

/** One direction: what is written to the stream comes as messages. */
const protocols = ["binary.k8s.io", "base64.binary.k8s.io", ""] as const;

/** Serves a log over WebSocket; resolves when the log has ended. @throws {StatusError} before. */
export async function logsOverWebSocket(
  open: () => Promise<IncomingMessage | undefined>,
  request: ApiRequest,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  if (!wantsWebSocket(request)) throw badRequest("logs can be upgraded to WebSocket only");
  const offered = offeredProtocols(request);
  const protocol = chooseProtocol(offered, protocols);
  if (protocol === undefined) {
    const message = `none of the subprotocols [${offered.join(" ")}] is supported; use binary.k8s.io`;
    throw new StatusError(403, "Forbidden", message);
  }
  const log = await open();
  request.longRunning();
  const connection = await acceptWebSocket(request, socket, head, protocol);
  try {
    for await (const chunk of log ?? []) {
      const bytes = chunk as Buffer;
      await connection.send(protocol.startsWith("base64") ? bytes.toString("base64") : bytes);
    }
    connection.close();
  } catch {
    // One of the two sides broke; the client sees the connection end without a close.
    connection.destroy();
  } finally {
    log?.destroy();
  }
}
