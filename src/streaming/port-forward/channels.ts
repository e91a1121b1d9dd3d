/** Each port has two channels: its data, and what went wrong with it. */
export function dataChannel(index: number): number {
  return index * 2;
}

export function errorChannel(index: number): number {
  return index * 2 + 1;
}

/** Which port a channel belongs to; undefined for the server's own error channels. */
export function portIndexOf(channel: number): number | undefined {
  return channel % 2 === 0 ? channel / 2 : undefined;
}

/** The first message of each channel: the port, two bytes, low one first. */
export function encodePort(port: number): Buffer {
  return Buffer.of(port & 0xff, port >> 8);
}

/** Ports of a request: repeated or separated by commas. Undefined when one is no port. */
export function parsePorts(values: readonly string[]): readonly number[] | undefined {
  const texts = values.flatMap((it) => it.split(",")).map((it) => it.trim());
  const ports = texts.filter((it) => it !== "").map(Number);
  const isValid = ports.every((it) => Number.isInteger(it) && it > 0 && it <= 0xffff);
  return isValid ? ports : undefined;
}
