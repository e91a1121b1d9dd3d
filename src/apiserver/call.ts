import type { Annotate, UserInfo } from "./contract.ts";
import type { ApiRequest, ApiResponse } from "./http/exchange.ts";
import { headerOf } from "./http/exchange.ts";
import type { RequestInfo } from "./request-info.ts";

/** Characters of all warnings of one response; the rest is dropped, as upstream does. */
const warningsLengthMax = 4 * 1024;

/** One authorized request on its way through the verbs. */
export interface Call {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** Texts for `Warning` headers. */
  readonly warnings: string[];
  /** Undefined when the request is not recorded. */
  readonly annotate: Annotate | undefined;
}

/** A response of bytes with the call's warnings. */
export function bytesResponse(
  call: Call,
  status: number,
  contentType: string,
  bytes: Uint8Array,
): ApiResponse {
  return {
    status,
    headers: {
      "content-type": contentType,
      "cache-control": "no-cache, private",
      ...warningHeaders(call),
    },
    body: { kind: "bytes", bytes },
  };
}

/** `Warning` headers of a call: `299 - "text"`. */
export function warningHeaders({ warnings }: Call): Record<string, string[]> {
  if (warnings.length === 0) return {};
  const lines: string[] = [];
  let length = 0;
  for (const text of new Set(warnings)) {
    length += text.length;
    if (length > warningsLengthMax) break;
    const clean = text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&");
    lines.push(`299 - "${clean}"`);
  }
  return { warning: lines };
}

export function acceptOf(call: Call): string | undefined {
  return headerOf(call.request, "accept");
}
