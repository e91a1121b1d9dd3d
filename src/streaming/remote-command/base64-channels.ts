import type { ChannelMessage } from "./channels.ts";

/**
 * Channels over text messages: the channel as a digit, then the data as base64
 * (apimachinery `pkg/util/httpstream/wsstream`).
 */
export function encodeBase64Message(channel: number, data: Uint8Array): string {
  return `${channel}${Buffer.from(data).toString("base64")}`;
}

/** `undefined` for a message that names no channel. */
export function decodeBase64Message(message: Uint8Array): ChannelMessage | undefined {
  const digit = message[0];
  if (digit === undefined || digit < 0x30 || digit > 0x39) return undefined;
  const text = Buffer.from(message.subarray(1)).toString("latin1");
  return { kind: "data", channel: digit - 0x30, data: Buffer.from(text, "base64") };
}
