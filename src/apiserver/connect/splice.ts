import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Upgraded } from "#streaming/upgrade.ts";

/** Connections on which nothing happens for so long are dropped, as kubelets do. */
const idleMs = 4 * 3_600_000;
/** How long a side may take to close after the other one did. */
const lingerMs = 30_000;

/** Answers the client's upgrade as the backend did, and connects the two as one pipe of bytes. */
export function splice(client: Duplex, head: Uint8Array, backend: Upgraded): void {
  const { connection } = backend;
  for (const [side, other] of [
    [client, connection],
    [connection, client],
  ] as const) {
    side.on("error", () => {
      other.destroy();
    });
    side.on("close", () => {
      finish(other);
    });
    idleAfter(side, idleMs);
  }
  client.write(switchingProtocols(backend.headers));
  if (backend.head.length > 0) client.write(backend.head);
  if (head.length > 0) connection.write(head);
  client.pipe(connection);
  connection.pipe(client);
}

/** What was written still goes out; what comes is thrown away. */
function finish(side: Duplex): void {
  if (side.destroyed) return;
  side.unpipe();
  side.resume();
  if (!side.writableEnded) side.end();
  idleAfter(side, lingerMs);
}

function idleAfter(side: Duplex, ms: number): void {
  if (!(side instanceof Socket)) return;
  side.setTimeout(ms, () => {
    side.destroy();
  });
}

function switchingProtocols(headers: Upgraded["headers"]): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((it) => `${name}: ${it}`),
  );
  return `${["HTTP/1.1 101 Switching Protocols", ...lines].join("\r\n")}\r\n\r\n`;
}
