import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { headerOf, type ApiRequest } from "#apiserver/http/exchange.ts";
import type { ProxyPlace } from "./proxy-links.ts";

/** Headers about one connection and not about the request (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** `host` as the client said it: HTTP/2 has a name of its own for it. */
export function requestHost(request: ApiRequest): string {
  return headerOf(request, ":authority") ?? headerOf(request, "host") ?? "";
}

/**
 * The client's headers as the backend gets them: without those of the connection, and without what
 * proves to the API server who the client is.
 */
export function forwardedHeaders(request: ApiRequest, place: ProxyPlace): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || isDropped(name)) continue;
    headers[name] = typeof value === "string" ? value : [...value];
  }
  headers["host"] = place.requestHost;
  const client = request.caller.kind === "connection" ? request.caller.address : "";
  const before = headerOf(request, "x-forwarded-for");
  const chain = [before, client].filter((it) => it !== undefined && it !== "").join(", ");
  if (chain !== "") headers["x-forwarded-for"] = chain;
  const path = /^[^?]*/.exec(request.url)?.[0] ?? "";
  headers["x-forwarded-uri"] = path;
  headers["x-forwarded-host"] = place.requestHost;
  headers["x-forwarded-proto"] = "https";
  return headers;
}

function isDropped(name: string): boolean {
  return (
    name.startsWith(":") ||
    name.startsWith("impersonate-") ||
    name === "authorization" ||
    name === "content-length" ||
    hopByHop.has(name)
  );
}

/** The backend's headers as the client gets them; its rules for browsers are not the server's. */
export function answeredHeaders(received: IncomingHttpHeaders): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(received)) {
    const isCors = name.startsWith("access-control-allow-");
    if (value === undefined || hopByHop.has(name) || isCors) continue;
    headers[name] = value;
  }
  return headers;
}
