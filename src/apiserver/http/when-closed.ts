import type { Duplex } from "node:stream";

/** Calls the listener once: when the connection has closed, or now when it has already. */
export function whenClosed(socket: Duplex, listener: () => void): void {
  if (socket.closed) listener();
  else socket.once("close", listener);
}
