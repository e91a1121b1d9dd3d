/** Bytes of a blob; both ends inclusive. */
export interface SpannedBytes {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header, RFC 9110 section 14. `whole` for none, for other units and for several
 * ranges, which a server may ignore; `outside` for one that is malformed or not in the blob.
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): SpannedBytes | "whole" | "outside" {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (from === "" && to === "") return "whole";
  if (from === "") {
    const length = Number(to);
    if (length === 0 || sizeBytes === 0) return "outside";
    return { start: Math.max(0, sizeBytes - length), end: sizeBytes - 1 };
  }
  const start = Number(from);
  const end = to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (start >= sizeBytes) return "outside";
  return end < start ? "outside" : { start, end };
}

/** Reads the `Content-Range` of an upload's chunk: `0-1023`, perhaps after `bytes `. */
export function parseContentRange(header: string): SpannedBytes | undefined {
  const [, from, to] = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/.exec(header.trim()) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const range = { start: Number(from), end: Number(to) };
  // An empty blob's chunk is written 0-0 or 0--1 by clients; the first of them reaches here.
  return range.end >= range.start ? range : undefined;
}
