import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { HTTPGetAction } from "#api/gen/types.ts";
import { hostPort, portOf, type Outcome, type ProbeTarget } from "./target.ts";

/** Bytes of the answer that are kept for the event (upstream: 10 KiB). */
const bodyBytesMax = 10 * 1024;
const redirectsMax = 10;

/** Statuses from 200 to 399 are success. Certificates are not checked, as upstream. */
export async function probeHttp(
  action: HTTPGetAction,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  const url = urlOf(action, target);
  try {
    return await follow(url, headersOf(action), signal);
  } catch (error) {
    return { kind: "failure", output: `Get "${url.href}": ${messageOf(error)}` };
  }
}

function urlOf(action: HTTPGetAction, target: ProbeTarget): URL {
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const host = action.host === undefined || action.host === "" ? target.podIp : action.host;
  const path = action.path ?? "/";
  const slashed = path.startsWith("/") ? path : `/${path}`;
  return new URL(`${scheme}://${hostPort(host, portOf(action.port, target))}${slashed}`);
}

function headersOf(action: HTTPGetAction): OutgoingHttpHeaders {
  const headers: Record<string, string> = { "user-agent": "kube-probe/1.36", accept: "*/*" };
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    // An empty value takes a standard header away.
    if (value === "" && key in headers) Reflect.deleteProperty(headers, key);
    else headers[key] = value;
  }
  return { ...headers, connection: "close" };
}

async function follow(
  first: URL,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<Outcome> {
  let url = first;
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const { status, location, body } = await get(url, headers, signal);
    const isRedirect = [301, 302, 303, 307, 308].includes(status) && location !== undefined;
    if (!isRedirect) {
      return status >= 200 && status < 400
        ? { kind: "success", output: body }
        : { kind: "failure", output: `HTTP probe failed with statuscode: ${status}` };
    }
    const next = new URL(location, url);
    // Another host is not the container's business, so the answer counts.
    if (next.hostname !== url.hostname) return { kind: "success", output: body };
    url = next;
  }
  return { kind: "failure", output: `stopped after ${redirectsMax} redirects` };
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

async function get(url: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { headers, signal, agent: false, rejectUnauthorized: false } as const;
    const request =
      url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    request.on("response", resolve);
    request.on("error", reject);
    request.end();
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const buffer = chunk as Buffer;
    chunks.push(buffer);
    bytes += buffer.length;
    if (bytes >= bodyBytesMax) break;
  }
  response.destroy();
  return {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    body: Buffer.concat(chunks).toString("utf8", 0, bodyBytesMax),
  };
}

/** Node joins several addresses' failures in one error without a message. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
