import type { Clock } from "#base/clock.ts";
import { pingMs, silentPingsMax } from "./messages.ts";

/** What is used of a WebSocket. */
export interface Pinged {
  on(event: "message" | "ping" | "pong", listener: () => void): unknown;
  ping(content: undefined, mask: undefined, done: () => void): void;
  terminate(): void;
}

/** Pings the other side, and ends the connection when it hears nothing from there for too long. */
export async function watchSilence(
  socket: Pinged,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  // Pings are counted, not time: a process that was held up itself has not been listening.
  let unheard = 0;
  const hear = (): void => {
    unheard = 0;
  };
  for (const event of ["message", "ping", "pong"] as const) socket.on(event, hear);
  while (unheard < silentPingsMax) {
    socket.ping(undefined, undefined, () => undefined);
    await clock.sleep(pingMs, signal);
    unheard += 1;
  }
  socket.terminate();
}
