import { describeError } from "#base/log.ts";
import type { ByteStream } from "#cri/runtime.ts";
import { ByteInbox } from "#streaming/byte-inbox.ts";
import {
  dataChannel,
  encodePort,
  errorChannel,
  portIndexOf,
} from "#streaming/port-forward/channels.ts";
import {
  decodeBase64Message,
  encodeBase64Message,
} from "#streaming/remote-command/base64-channels.ts";
import { encodeChannelMessage, parseChannelMessage } from "#streaming/remote-command/channels.ts";
import type { WebSocketConnection } from "#streaming/websocket/connection.ts";
import type { OpenPort } from "./open-port.ts";

/** What waits for one port before the whole connection stops reading. */
const inboxBytes = 256 * 1024;

/**
 * Serves the older port-forward over WebSocket: the ports are in the request, one connection each,
 * two channels a port. Resolves when all are closed.
 */
export async function forwardOverWebSocket(
  connection: WebSocketConnection,
  forward: {
    readonly ports: readonly number[];
    readonly isBase64: boolean;
    readonly open: OpenPort;
  },
  signal: AbortSignal,
): Promise<void> {
  const { ports, isBase64, open } = forward;
  const inboxes = ports.map(() => new ByteInbox(inboxBytes));
  const reading = readMessages(connection, inboxes, isBase64);
  async function send(channel: number, data: Uint8Array): Promise<void> {
    await connection.send(
      isBase64 ? encodeBase64Message(channel, data) : encodeChannelMessage(channel, data),
    );
  }
  await Promise.all(
    [...inboxes.entries()].map(async ([index, inbox]) => {
      const port = ports[index] ?? 0;
      const channels = { data: dataChannel(index), error: errorChannel(index) };
      try {
        await send(channels.data, encodePort(port));
        await send(channels.error, encodePort(port));
        const stream = await open(port, signal);
        await copy(stream, inbox, (chunk) => send(channels.data, chunk));
      } catch (error) {
        await send(channels.error, Buffer.from(describeError(error))).catch(() => undefined);
      } finally {
        inbox.discard();
      }
    }),
  );
  connection.close();
  await reading;
}

async function copy(
  stream: ByteStream,
  inbox: ByteInbox,
  send: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const up = copyUp(stream, inbox);
  try {
    for await (const chunk of stream.output) await send(chunk);
  } finally {
    stream.close();
    inbox.discard();
    await up;
  }
}

/** This protocol knows no half-close: the end of the input is the end of the client. */
async function copyUp(stream: ByteStream, inbox: ByteInbox): Promise<void> {
  try {
    for await (const chunk of inbox) await stream.write(chunk);
  } catch {
    // The other direction tells what broke.
  } finally {
    stream.close();
  }
}

async function readMessages(
  connection: WebSocketConnection,
  inboxes: readonly ByteInbox[],
  isBase64: boolean,
): Promise<void> {
  try {
    for await (const bytes of connection.messages) {
      const message = isBase64 ? decodeBase64Message(bytes) : parseChannelMessage(bytes);
      if (message?.kind !== "data") continue;
      const index = portIndexOf(message.channel);
      const inbox = index === undefined ? undefined : inboxes[index];
      inbox?.push(message.data);
      if (inbox?.isFull() === true) await inbox.room();
    }
  } catch {
    // A broken connection is a closed one.
  } finally {
    for (const inbox of inboxes) inbox.end();
  }
}
