import { ByteInbox } from "#streaming/byte-inbox.ts";
import type { WebSocketConnection } from "#streaming/websocket/connection.ts";
import { channels, encodeChannelMessage, parseChannelMessage } from "./channels.ts";
import { nothing, type CommandStreams, type WantedStreams } from "./command-streams.ts";
import { encodeExitStatus, encodeExitText, type CommandResult } from "./exit-status.ts";
import { decodeBase64Message, encodeBase64Message } from "./base64-channels.ts";

/** Subprotocols of exec and attach. Those with base64 are for clients without binary messages. */
export const commandWebSocketProtocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
  "",
] as const;

export type CommandWebSocketProtocol = (typeof commandWebSocketProtocols)[number];

const stdinBytesMax = 256 * 1024;
const resizeBytesMax = 16 * 1024;

/** Serves a command over an accepted WebSocket. */
export function openWebSocketCommand(
  connection: WebSocketConnection,
  protocol: CommandWebSocketProtocol,
  wanted: WantedStreams,
): CommandStreams {
  const isBase64 = protocol.includes("base64");
  const isVersioned = protocol.startsWith("v");
  const stdin = new ByteInbox(stdinBytesMax);
  const resizes = new ByteInbox(resizeBytesMax);
  async function send(channel: number, data: Uint8Array): Promise<void> {
    await connection.send(
      isBase64 ? encodeBase64Message(channel, data) : encodeChannelMessage(channel, data),
    );
  }
  const inboxes = { stdin, resizes, isBase64, halfCloses: protocol === "v5.channel.k8s.io" };
  const reading = readMessages(connection, inboxes);
  // Tells clients that wait for a first message that the command is being started.
  const first = wanted.stdout ? channels.stdout : wanted.stderr ? channels.stderr : channels.error;
  const greeted = send(first, new Uint8Array()).catch(() => undefined);
  return {
    stdin: wanted.stdin ? stdin : nothing(),
    resizes,
    writeStdout: (chunk) => send(channels.stdout, chunk),
    writeStderr: (chunk) => send(channels.stderr, chunk),
    async finish(result: CommandResult) {
      await greeted;
      const bytes = isVersioned ? encodeExitStatus(result) : encodeExitText(result);
      if (bytes.length > 0) await send(channels.error, bytes);
      stdin.discard();
      resizes.discard();
      connection.close();
    },
    closed: reading.then(() => connection.closed),
    destroy() {
      connection.destroy();
    },
  };
}

async function readMessages(
  connection: WebSocketConnection,
  to: {
    readonly stdin: ByteInbox;
    readonly resizes: ByteInbox;
    readonly isBase64: boolean;
    readonly halfCloses: boolean;
  },
): Promise<void> {
  const inboxes = new Map<number, ByteInbox>([
    [channels.stdin, to.stdin],
    [channels.resize, to.resizes],
  ]);
  try {
    for await (const bytes of connection.messages) {
      const message = to.isBase64 ? decodeBase64Message(bytes) : parseChannelMessage(bytes);
      const inbox = message === undefined ? undefined : inboxes.get(message.channel);
      if (message === undefined || inbox === undefined) continue;
      if (message.kind === "close") {
        if (to.halfCloses) inbox.end();
        continue;
      }
      inbox.push(message.data);
      if (inbox.isFull()) await inbox.room();
    }
  } catch {
    // A broken connection: for the command it is the same as one that was closed.
  } finally {
    to.stdin.end();
    to.resizes.end();
  }
}
