import { WebSocket } from "ws";
import type { Clock } from "#base/clock.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";
import { closeCodes, jobPath, messageSizeMax, type FromRemote, type ToRemote } from "./messages.ts";
import { watchSilence } from "./silence.ts";

/** A scheduler that is not there by then is not waited for: there may be another. */
const handshakeMs = 5_000;

export interface LinkOptions {
  readonly scheduler: SchedulerAddress;
  readonly token: string;
  /** Names this worker to people. */
  readonly worker: string;
}

/** How a connection ended. */
export type LinkEnd =
  /** Another may come about. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The scheduler does not want this worker's work. */
  | { readonly kind: "refused"; readonly reason: string };

/** One connection of a worker to a scheduler. */
export class Link {
  readonly #socket: WebSocket;

  constructor(
    options: LinkOptions,
    events: { readonly opened: () => void; readonly heard: (message: ToRemote) => void },
  ) {
    const { url: address, certificateAuthority } = options.scheduler;
    const url = `${address.replace(/^http/, "ws").replace(/\/$/, "")}${jobPath}`;
    this.#socket = new WebSocket(url, {
      maxPayload: messageSizeMax,
      handshakeTimeout: handshakeMs,
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      headers: {
        authorization: `Bearer ${options.token}`,
        "x-gantry-worker": options.worker,
      },
    });
    this.#socket.on("open", events.opened);
    this.#socket.on("message", (data) => {
      events.heard(JSON.parse((data as Buffer).toString()) as ToRemote);
    });
  }

  /** Lost when the connection has ended; what matters is sent again over the next. */
  send(message: FromRemote): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(message), () => undefined);
  }

  /** Resolves when the connection has ended, at the latest when the signal aborts. */
  async ended(clock: Clock, signal: AbortSignal): Promise<LinkEnd> {
    const socket = this.#socket;
    const over = new AbortController();
    const end = new Promise<LinkEnd>((resolve) => {
      let failure = "";
      socket.on("error", (error) => {
        failure = error.message;
      });
      socket.on("unexpected-response", (_, response) => {
        const kind = response.statusCode === 401 ? "refused" : "lost";
        resolve({ kind, reason: `the scheduler answered ${response.statusCode ?? "?"}` });
        socket.terminate();
      });
      socket.on("close", (code, reason) => {
        const kind = code === closeCodes.superseded ? "refused" : "lost";
        resolve({ kind, reason: reason.length > 0 ? reason.toString() : failure });
      });
    });
    const stop = (): void => {
      socket.terminate();
    };
    signal.addEventListener("abort", stop, { once: true });
    const either = AbortSignal.any([signal, over.signal]);
    const opened = new Promise<void>((resolve) => {
      socket.once("open", () => {
        watchSilence(socket, clock, either).then(resolve, () => {
          resolve();
        });
      });
      socket.once("close", () => {
        resolve();
      });
    });
    const found = await end;
    over.abort();
    await opened;
    signal.removeEventListener("abort", stop);
    return found;
  }
}
