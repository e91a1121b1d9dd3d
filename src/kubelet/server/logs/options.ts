/** Which part of a log is wanted, and how it is shown (`v1.PodLogOptions`). */
export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Lines before this time are left out; milliseconds since the epoch. */
  readonly sinceMs: number | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly streams: { readonly stdout: boolean; readonly stderr: boolean };
}

/** What was asked for, and that it means the container's previous run. */
export interface LogQuery extends LogOptions {
  readonly previous: boolean;
}

/** Undefined for a query that is not valid; the API server has said what is wrong before. */
export function parseLogQuery(query: URLSearchParams, nowMs: number): LogQuery | undefined {
  const numbers = {
    tailLines: numberOf(query.get("tailLines") ?? tailOf(query)),
    limitBytes: numberOf(query.get("limitBytes")),
    sinceSeconds: numberOf(query.get("sinceSeconds")),
  };
  const sinceTime = query.get("sinceTime");
  const sinceTimeMs = sinceTime === null ? undefined : Date.parse(sinceTime);
  const isBad =
    Object.values(numbers).some((it) => Number.isNaN(it)) ||
    Number.isNaN(sinceTimeMs) ||
    (numbers.limitBytes ?? 1) < 1 ||
    (numbers.sinceSeconds ?? 1) < 1;
  const streams = streamsOf(query.get("stream"));
  if (isBad || streams === undefined) return undefined;
  if (numbers.sinceSeconds !== undefined && sinceTimeMs !== undefined) return undefined;
  const { tailLines, limitBytes, sinceSeconds } = numbers;
  return {
    follow: isTrue(query.get("follow")),
    previous: isTrue(query.get("previous")),
    timestamps: isTrue(query.get("timestamps")),
    sinceMs: sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000,
    tailLines,
    limitBytes,
    streams,
  };
}

/** The older name of `tailLines`; `all` is the same as leaving it out. */
function tailOf(query: URLSearchParams): string | null {
  const tail = query.get("tail");
  return tail === "all" ? null : tail;
}

/** NaN for text that is no number of lines, bytes or seconds. */
function numberOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** As Go reads a boolean query parameter: present means true unless it says false. */
export function isTrue(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== "false" && text !== "0";
}

function streamsOf(stream: string | null): LogOptions["streams"] | undefined {
  switch (stream) {
    case null:
    case "":
    case "All":
      return { stdout: true, stderr: true };
    case "Stdout":
      return { stdout: true, stderr: false };
    case "Stderr":
      return { stdout: false, stderr: true };
    default:
      return undefined;
  }
}
