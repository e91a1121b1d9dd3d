/**
 * One entry of a CRI log file: `<time> <stream> <tags> <content>`, for example
 * `2016-10-06T00:17:09.669794202Z stdout P part of a line` and then, with `F`, its last part.
 * Spec: `kubernetes/design-proposals-archive/node/kubelet-cri-logging.md`.
 */
export interface LogEntry {
  readonly isStdout: boolean;
  /** More of the line follows in the next entry of the stream. */
  readonly isPartial: boolean;
  /** Where the time ends, and where the content starts, in the bytes that were read. */
  readonly timeEnd: number;
  readonly contentStart: number;
}

const space = 0x20;
const letterO = 0x6f;
const letterE = 0x65;
const letterP = 0x50;
const streamNameLength = "stdout".length;
/** Nothing before a content is longer: time, stream, tags and blanks. */
const headBytesMax = 128;

/**
 * Reads the entry in `bytes` from `start` to `end`, the place of its newline. Undefined when that
 * is no entry, which readers skip.
 */
export function parseLogEntry(bytes: Buffer, start: number, end: number): LogEntry | undefined {
  const head = Math.min(end, start + headBytesMax);
  const timeEnd = indexOf(bytes, start, head);
  if (timeEnd <= start) return undefined;
  const streamEnd = timeEnd + 1 + streamNameLength;
  if (streamEnd >= head || bytes[streamEnd] !== space) return undefined;
  // `stdout` and `stderr` differ in their fourth letter.
  const letter = bytes[timeEnd + 4];
  if (letter !== letterO && letter !== letterE) return undefined;
  const tagsEnd = indexOf(bytes, streamEnd + 1, head);
  // An empty line may end with its tag, when its writer drops blanks at the end.
  const contentStart = tagsEnd < 0 ? end : tagsEnd + 1;
  if (tagsEnd < 0 && end - streamEnd > 2) return undefined;
  const isPartial = bytes[streamEnd + 1] === letterP;
  return { isStdout: letter === letterO, isPartial, timeEnd, contentStart };
}

function indexOf(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at += 1) if (bytes[at] === space) return at;
  return -1;
}

/** Milliseconds since the epoch; NaN for what is no time. */
export function timeOf(bytes: Buffer, start: number, timeEnd: number): number {
  return Date.parse(bytes.toString("latin1", start, timeEnd));
}

/**
 * The time as `--timestamps` shows it: always nine digits of a second, so that columns line up and
 * text sorts by time. Runtimes leave zeros at the end out.
 */
export function fixedTime(bytes: Buffer, start: number, timeEnd: number): string {
  const text = bytes.toString("latin1", start, timeEnd);
  const [, seconds, fraction = "", zone] =
    /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return text;
  return `${seconds}.${fraction.padEnd(9, "0").slice(0, 9)}${zone}`;
}
