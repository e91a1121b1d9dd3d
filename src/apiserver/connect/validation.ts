import { FieldPath, forbiddenField, invalid, notSupported, type FieldError } from "#api/field.ts";
import { parseTime } from "#api/time.ts";

/** A request for a log, checked: the parameters that the kubelet is asked with. */
export interface LogRequest {
  readonly params: URLSearchParams;
  readonly follow: boolean;
  readonly errors: readonly FieldError[];
}

/** Text of a parameter that is no value of its type; upstream refuses it before it validates. */
export interface UnreadableParameter {
  readonly unreadable: string;
}

const integers = ["sinceSeconds", "tailLines", "limitBytes"] as const;
const flags = ["follow", "previous", "timestamps"] as const;
const streams = ["All", "Stderr", "Stdout"];
const root = new FieldPath("");

/** Checks the query of `pods/log` as upstream's `ValidatePodLogOptions` does. */
export function readLogRequest(query: URLSearchParams): LogRequest | UnreadableParameter {
  const values: Partial<Record<(typeof integers)[number], number>> = {};
  for (const name of integers) {
    const text = query.get(name);
    if (text === null || text === "") continue;
    if (!/^[+-]?\d+$/.test(text)) {
      return { unreadable: `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax` };
    }
    values[name] = Number(text);
  }
  const sinceTime = query.get("sinceTime") ?? "";
  if (sinceTime !== "" && parseTime(sinceTime) === undefined) {
    return { unreadable: `sinceTime: ${JSON.stringify(sinceTime)} is no time in RFC 3339` };
  }
  const stream = query.get("stream") ?? "All";
  const params = new URLSearchParams();
  for (const name of flags) if (isSet(query.get(name))) params.set(name, "true");
  for (const name of integers) {
    const value = values[name];
    if (value !== undefined) params.set(name, String(value));
  }
  if (sinceTime !== "") params.set("sinceTime", sinceTime);
  params.set("stream", stream);
  const errors = [...faultsOf(values, sinceTime), ...streamFaults(stream, values.tailLines)];
  return { params, follow: params.has("follow"), errors };
}

function faultsOf(
  values: {
    readonly sinceSeconds?: number;
    readonly tailLines?: number;
    readonly limitBytes?: number;
  },
  sinceTime: string,
): FieldError[] {
  const { sinceSeconds, tailLines, limitBytes } = values;
  const faults: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0) {
    const detail = "must be greater than or equal to 0";
    faults.push(invalid(root.child("tailLines"), tailLines, detail));
  }
  if (limitBytes !== undefined && limitBytes < 1) {
    faults.push(invalid(root.child("limitBytes"), limitBytes, "must be greater than 0"));
  }
  if (sinceSeconds !== undefined && sinceTime !== "") {
    const detail = "at most one of `sinceTime` or `sinceSeconds` may be specified";
    faults.push(forbiddenField(root, detail));
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    faults.push(invalid(root.child("sinceSeconds"), sinceSeconds, "must be greater than 0"));
  }
  return faults;
}

function streamFaults(stream: string, tailLines: number | undefined): FieldError[] {
  if (!streams.includes(stream)) return [notSupported(root.child("stream"), stream, streams)];
  if (stream === "All" || tailLines === undefined) return [];
  const detail = "`tailLines` and specific `stream` are mutually exclusive for now";
  return [forbiddenField(root, detail)];
}

/** As Go reads a boolean parameter. */
function isSet(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== "false" && text !== "0";
}
