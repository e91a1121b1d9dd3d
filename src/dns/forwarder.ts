import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Clock } from "#base/clock.ts";
import type { DnsMetrics } from "./metrics.ts";
import { MessageReader, framed } from "./tcp-messages.ts";
import type { Query } from "./wire/query.ts";
import { decodeResponse, type Response } from "./wire/response.ts";

export interface ForwarderOptions {
  /** Addresses of the servers to ask, in order; with a port, as in `127.0.0.1:5353`. */
  readonly servers: readonly string[];
  readonly metrics: DnsMetrics;
  readonly clock: Clock;
}

/** An answer of another server, with the id that it was asked with. */
export interface Forwarded {
  readonly bytes: Uint8Array;
  readonly response: Response;
}

/** How long a server may take before the next is asked. */
const answerMsMax = 2_000;
/** Questions under way; more are refused, so that a dead server holds no memory. */
const underWayMax = 1_000;
const usualPort = 53;

/** Asks the machine's own servers for names that are not the cluster's. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  #underWay = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The first good answer; undefined when no server gives one. */
  async ask(question: Query, signal: AbortSignal): Promise<Forwarded | undefined> {
    if (this.#underWay >= underWayMax) return undefined;
    this.#underWay += 1;
    try {
      for (const server of this.#options.servers) {
        const message = this.#message(question);
        const answered = this.#options.metrics.forwarded(server);
        const found = await this.#attempt(server, message, askByUdp, signal);
        const whole =
          found?.response.isTruncated === true
            ? await this.#attempt(server, message, askByTcp, signal)
            : found;
        answered(whole?.bytes);
        if (whole !== undefined) return whole;
      }
      return undefined;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** A plain question under an id of our own, which nobody can guess. */
  #message({ question }: Query): Uint8Array {
    const message = Uint8Array.from(question);
    const view = new DataView(message.buffer);
    view.setUint16(0, randomInt(65_536));
    view.setUint16(2, 0x0100);
    for (const at of [6, 8, 10]) view.setUint16(at, 0);
    return message;
  }

  async #attempt(
    server: string,
    message: Uint8Array,
    by: Ask,
    signal: AbortSignal,
  ): Promise<Forwarded | undefined> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    const late = this.#options.clock.sleep(answerMsMax, stop).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([by(server, message, stop).catch(() => undefined), late]);
    } finally {
      over.abort(new Error("the question is settled"));
    }
  }
}

type Ask = typeof askByUdp;

/** Every question has a socket of its own, and so a port that nobody can guess. */
async function askByUdp(
  server: string,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Forwarded | undefined> {
  const { host, port } = placeOf(server);
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const answer = Promise.withResolvers<Forwarded | undefined>();
  const close = (): void => {
    answer.resolve(undefined);
  };
  signal.addEventListener("abort", close, { once: true });
  socket.on("error", close);
  socket.on("message", (bytes) => {
    const found = answerTo(message, bytes);
    if (found !== undefined) answer.resolve(found);
  });
  try {
    // A connected socket takes answers from that server only.
    socket.connect(port, host, () => {
      socket.send(message);
    });
    return await answer.promise;
  } finally {
    signal.removeEventListener("abort", close);
    socket.close();
  }
}

async function askByTcp(
  server: string,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Forwarded | undefined> {
  const { host, port } = placeOf(server);
  const socket = connect({ host, port, signal });
  try {
    socket.write(framed(message));
    const reader = new MessageReader();
    for await (const chunk of socket) {
      for (const bytes of reader.push(chunk as Uint8Array)) return answerTo(message, bytes);
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

function answerTo(message: Uint8Array, bytes: Uint8Array): Forwarded | undefined {
  const response = decodeResponse(bytes);
  const id = ((message[0] ?? 0) << 8) | (message[1] ?? 0);
  return response?.id === id ? { bytes, response } : undefined;
}

function placeOf(server: string): { readonly host: string; readonly port: number } {
  const match = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(server);
  if (match === null) return { host: server, port: usualPort };
  return { host: match[1] ?? "", port: Number(match[2]) };
}
