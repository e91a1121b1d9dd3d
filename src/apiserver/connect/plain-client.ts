import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ProxyTarget } from "./proxy-target.ts";

export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

/**
 * Sends a request to a pod. Its certificate, where it has one, proves nothing: pods make their own,
 * and the address came from the API. Upstream does the same.
 */
export async function requestPlain(
  target: ProxyTarget,
  { method, path, headers, body }: PlainRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { host, port } = target;
  const options = { host, port, method, path, headers, agent: false as const, signal };
  const request =
    target.scheme === "https"
      ? httpsRequest({ ...options, rejectUnauthorized: false })
      : httpRequest(options);
  request.on("response", resolve);
  request.on("error", reject);
  if (body.length > 0) request.setHeader("content-length", body.length);
  request.end(body);
  return await promise;
}

/** `host:port` as it stands in a URL. */
export function hostOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
