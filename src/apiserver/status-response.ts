import { StatusError, type StatusObject } from "#api/status.ts";
import type { ApiResponse } from "#apiserver/http/exchange.ts";
import { jsonBody } from "#apiserver/negotiate/json.ts";

/** A failure as a response; what is not a {@link StatusError} is a 500 that tells nothing. */
export function statusResponse(error: unknown, id = ""): ApiResponse {
  const known = error instanceof StatusError ? error : internalError(id);
  return statusObjectResponse(known.toObject());
}

export function statusObjectResponse(status: StatusObject): ApiResponse {
  const after = status.details?.retryAfterSeconds;
  return {
    status: status.code,
    headers: {
      "content-type": "application/json",
      ...(after === undefined ? {} : { "retry-after": String(after) }),
    },
    body: { kind: "bytes", bytes: jsonBody(status) },
  };
}

/** The 500 for our own faults; `id` finds the log line. */
export function internalError(id: string): StatusError {
  const where = id === "" ? "" : `; its log entry has id ${id}`;
  return new StatusError(
    500,
    "InternalError",
    `Internal error occurred: unexpected failure${where}`,
  );
}
