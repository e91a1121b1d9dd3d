/**
 * Kubernetes' remote command protocol: five byte streams over one connection.
 * Over SPDY each is a stream with a `streamtype` header; over WebSocket the first byte of each binary
 * message is the channel. apimachinery `pkg/util/remotecommand/constants.go`.
 */
export const channels = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  error: 3,
  resize: 4,
  close: 255,
} as const;

/** Newest first; v4 brought the Status on the error channel, v5 the half-close over WebSocket. */
export const remoteCommandProtocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

export type RemoteCommandProtocol = (typeof remoteCommandProtocols)[number];

/** Whether the error channel carries a Status as JSON; before, it carries text, and only on failure. */
export function writesStatus(protocol: RemoteCommandProtocol): boolean {
  return protocol === "v5.channel.k8s.io" || protocol === "v4.channel.k8s.io";
}

/** Whether terminals can be resized. */
export function canResize(protocol: RemoteCommandProtocol): boolean {
  return writesStatus(protocol) || protocol === "v3.channel.k8s.io";
}

export type ChannelMessage =
  | { readonly kind: "data"; readonly channel: number; readonly data: Uint8Array }
  /** The peer writes no more on the channel. */
  | { readonly kind: "close"; readonly channel: number };

/** Reads one WebSocket message; `undefined` for one that carries nothing or names no channel. */
export function parseChannelMessage(message: Uint8Array): ChannelMessage | undefined {
  const channel = message[0];
  if (channel === undefined) return undefined;
  if (channel === channels.close) {
    const closed = message[1];
    return closed === undefined ? undefined : { kind: "close", channel: closed };
  }
  return { kind: "data", channel, data: message.subarray(1) };
}

export function encodeChannelMessage(channel: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(channel), data]);
}

/** v5 only. */
export function encodeChannelClose(channel: number): Buffer {
  return Buffer.of(channels.close, channel);
}

/** What a client writes on the resize channel, as JSON; there may be several in a row. */
export function encodeTerminalSize(columns: number, rows: number): Buffer {
  return Buffer.from(`${JSON.stringify({ Width: columns, Height: rows })}\n`);
}

const sizeBytesMax = 4096;

/** Terminal sizes out of a byte stream of JSON objects; unreadable input ends it. */
export async function* readTerminalSizes(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly columns: number; readonly rows: number }, void, undefined> {
  let text = "";
  for await (const chunk of input) {
    text += Buffer.from(chunk).toString("latin1");
    for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
      const size = parseSize(text.slice(0, end + 1));
      text = text.slice(end + 1);
      if (size === undefined) return;
      yield size;
    }
    if (text.length > sizeBytesMax) return;
  }
}

function parseSize(text: string): { columns: number; rows: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { Width, Height } = value as { Width?: unknown; Height?: unknown };
  if (!isSide(Width) || !isSide(Height)) return undefined;
  return { columns: Width, rows: Height };
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffff;
}
