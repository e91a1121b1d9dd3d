import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";

export interface UpgradeRequest {
  readonly url: URL;
  readonly method: string;
  /** `SPDY/3.1` or `websocket`. */
  readonly upgrade: string;
  /** Sent beside the headers of the upgrade. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Client certificate and trust, for `https:` URLs. */
  readonly tls?: ConnectionOptions;
}

export interface Upgraded {
  readonly connection: Duplex;
  /** What came after the response's head; belongs to the new protocol. */
  readonly head: Uint8Array;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The server answered the upgrade with an ordinary response. */
export class UpgradeRefusedError extends Error {
  override readonly name = "UpgradeRefusedError";
  readonly statusCode: number;
  readonly body: string;
  readonly contentType: string;

  constructor(statusCode: number, body: string, contentType = "text/plain") {
    super(`the server refused the upgrade with status ${statusCode}: ${body.trim()}`);
    this.statusCode = statusCode;
    this.body = body;
    this.contentType = contentType;
  }
}

const refusalBytesMax = 64 * 1024;

/** Opens a connection and switches it to another protocol. @throws {UpgradeRefusedError} */
export async function openUpgrade(options: UpgradeRequest, signal: AbortSignal): Promise<Upgraded> {
  const headers: Record<string, string | string[]> = {
    connection: "Upgrade",
    upgrade: options.upgrade,
  };
  for (const [name, value] of Object.entries(options.headers)) {
    headers[name] = typeof value === "string" ? value : [...value];
  }
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>();
  const common = { method: options.method, headers, agent: false as const, signal };
  const request =
    options.url.protocol === "https:"
      ? httpsRequest(options.url, { ...common, ...options.tls })
      : httpRequest(options.url, common);
  request.on("upgrade", (response, connection, head) => {
    resolve({ connection, head, headers: response.headers });
  });
  request.on("response", (response) => {
    readRefusal(response).then((body) => {
      const { statusCode = 0, headers: answered } = response;
      reject(new UpgradeRefusedError(statusCode, body, answered["content-type"]));
    }, reject);
  });
  request.on("error", reject);
  request.end();
  return await promise;
}

async function readRefusal(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) {
    body += String(chunk);
    if (body.length > refusalBytesMax) break;
  }
  return body.slice(0, refusalBytesMax);
}

/** The request header, and response header, that chooses a version of the streaming protocol. */
const versionHeader = "x-stream-protocol-version";

/**
 * Server side: answers a SPDY upgrade with 101 and the first offered protocol that we speak, or with
 * 403 and ends the connection. An offer of nothing is the oldest protocol, named by "".
 * Resolves to `undefined` when it was refused.
 * The wire behaviour of apimachinery `httpstream.Handshake`.
 */
export function acceptSpdyUpgrade(
  request: IncomingMessage,
  connection: Duplex,
  supported: readonly string[],
): string | undefined {
  const offered = [request.headers[versionHeader] ?? []]
    .flat()
    .flatMap((it) => it.split(","))
    .map((it) => it.trim());
  const chosen = offered.length === 0 ? "" : offered.find((it) => supported.includes(it));
  if (chosen === undefined) {
    const body = `none of the protocols [${offered.join(" ")}] is supported: [${supported.join(" ")}]`;
    connection.end(
      [
        "HTTP/1.1 403 Forbidden",
        `X-Accepted-Stream-Protocol-Versions: ${supported.join(", ")}`,
        "Content-Type: text/plain",
        "Connection: close",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "",
        body,
      ].join("\r\n"),
    );
    return undefined;
  }
  const head = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"];
  if (chosen !== "") head.push(`X-Stream-Protocol-Version: ${chosen}`);
  connection.write(`${head.join("\r\n")}\r\n\r\n`);
  return chosen;
}
