import type { WebSocket } from "ws";
import type { Clock } from "#base/clock.ts";
import { pingMs, silenceMs } from "./messages.ts";

/** Pings the other side, and ends the connection when it hears nothing from there for too long. */
export async function watchSilence(
  socket: WebSocket,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let heardAt = clock.monotonic();
  const hear = (): void => {
    heardAt = clock.monotonic();
  };
  for (const event of ["message", "ping", "pong"]) socket.on(event, hear);
  while (clock.monotonic() - heardAt < silenceMs) {
    socket.ping(undefined, undefined, () => undefined);
    await clock.sleep(pingMs, signal);
  }
  socket.terminate();
}
