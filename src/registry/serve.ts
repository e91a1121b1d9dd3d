import type { IncomingMessage, ServerResponse } from "node:http";
import { StoreFullError } from "#images/store/image-store.ts";
import { requireAccess, unauthorized, type Action, type Caller } from "./access.ts";
import { deleteBlob, serveBlob } from "./blobs.ts";
import type { RegistryContext } from "./context.ts";
import { answerJson, refuse, type Exchange } from "./http/exchange.ts";
import { Refusal } from "./http/refusal.ts";
import { parseRoute, type Route } from "./http/route.ts";
import { serveCatalog, serveReferrers, serveTags } from "./listings.ts";
import { deleteManifest, putManifest, serveManifest } from "./manifests.ts";
import {
  beginUpload,
  cancelUpload,
  completeUpload,
  continueUpload,
  serveUpload,
} from "./uploads.ts";

const hostPattern = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** Answers one request. It never rejects: what goes wrong is answered and logged. */
export async function serveRequest(
  context: RegistryContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort(new Error("the client is gone"));
  });
  const url = urlOf(request);
  const method = request.method ?? "GET";
  const exchange = { request, response, method, query: url.searchParams, signal: gone.signal };
  response.setHeader("docker-distribution-api-version", "registry/2.0");
  response.setHeader("x-content-type-options", "nosniff");
  try {
    await serveRoute(context, parseRoute(url.pathname), exchange);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return;
    }
    if (isBrokenOff(error) || gone.signal.aborted) {
      response.destroy();
      return;
    }
    context.log.error("registry request failed", {
      method,
      url: url.pathname,
      error: error as Error,
    });
    refuse(exchange, new Refusal(500, "UNKNOWN", "the registry failed; its log says why"));
  }
}

async function serveRoute(
  context: RegistryContext,
  route: Route,
  exchange: Exchange,
): Promise<void> {
  const { gate } = context;
  const { request } = exchange;
  if (route.kind === "unknown") throw new Refusal(404, "UNSUPPORTED", "no such endpoint");
  if (route.kind === "token") {
    if (gate.serveToken === undefined) throw new Refusal(404, "UNSUPPORTED", "no tokens here");
    await gate.serveToken(exchange);
    return;
  }
  const caller = await gate.identify(request);
  if (route.kind === "base") {
    if (caller.name === "" && !caller.hasToken && gate.asksAll)
      throw unauthorized(gate, request, undefined);
    requireMethod(exchange, ["GET", "HEAD"]);
    answerJson(exchange, {});
  } else if (route.kind === "catalog") {
    requireMethod(exchange, ["GET"]);
    serveCatalog(context, caller, exchange);
  } else if (route.kind === "invalid") {
    throw new Refusal(400, route.code, "the name, tag or digest in the path is malformed");
  } else await serveNamed(context, route, { caller, exchange });
}

async function serveNamed(
  context: RegistryContext,
  route: Extract<Route, { name: string }>,
  { caller, exchange }: { readonly caller: Caller; readonly exchange: Exchange },
): Promise<void> {
  const repository = repositoryOf(context, route, exchange);
  const actions = actionsOf(exchange.method);
  requireAccess(context.gate, caller, exchange.request, { repository, actions });
  switch (route.kind) {
    case "tags":
      requireMethod(exchange, ["GET"]);
      serveTags(context, { name: route.name, repository }, exchange);
      return;
    case "referrers":
      requireMethod(exchange, ["GET"]);
      serveReferrers(context, { name: route.name, repository, digest: route.digest }, exchange);
      return;
    case "manifest":
      await serveManifestRoute(context, { repository, reference: route.reference }, exchange);
      return;
    case "blob":
      requireMethod(exchange, ["GET", "HEAD", "DELETE"]);
      if (exchange.method === "DELETE") {
        await deleteBlob(context, { repository, digest: route.digest }, exchange);
      } else await serveBlob(context, { repository, digest: route.digest }, exchange);
      return;
    case "uploads":
      requireMethod(exchange, ["POST"]);
      await beginUpload(context, { name: repository, caller }, exchange);
      return;
    case "upload":
      await serveUploadRoute(context, { repository, id: route.id }, exchange);
  }
}

async function serveManifestRoute(
  context: RegistryContext,
  at: { readonly repository: string; readonly reference: string },
  exchange: Exchange,
): Promise<void> {
  requireMethod(exchange, ["GET", "HEAD", "PUT", "DELETE"]);
  if (exchange.method === "PUT") await putManifest(context, at, exchange);
  else if (exchange.method === "DELETE") await deleteManifest(context, at, exchange);
  else await serveManifest(context, at, exchange);
}

async function serveUploadRoute(
  context: RegistryContext,
  at: { readonly repository: string; readonly id: string },
  exchange: Exchange,
): Promise<void> {
  requireMethod(exchange, ["GET", "PATCH", "PUT", "DELETE"]);
  const session = context.sessions.find(at.repository, at.id);
  if (exchange.method === "PATCH") await continueUpload(context, session, exchange);
  else if (exchange.method === "PUT") await completeUpload(context, session, exchange);
  else if (exchange.method === "DELETE") await cancelUpload(context, session, exchange);
  else serveUpload(session, exchange);
}

/**
 * The store's name of what a path names. A node's containerd says in `ns` whose mirror this is:
 * distribution-spec, Registry Proxying.
 */
function repositoryOf(
  context: RegistryContext,
  { name }: { readonly name: string },
  { method, query, response }: Exchange,
): string {
  const isRead = method === "GET" || method === "HEAD";
  const { mirror } = context;
  if (!isRead && mirror?.domain !== undefined) {
    throw new Refusal(405, "UNSUPPORTED", `a mirror of ${mirror.domain} takes no changes`);
  }
  const host = query.get("ns") ?? mirror?.domain ?? null;
  if (host === null || !isRead) return name;
  if (!hostPattern.test(host)) throw new Refusal(404, "NAME_UNKNOWN", "no such registry");
  response.setHeader("oci-namespace", host);
  return context.isOwnName(host) ? name : `${host}/${name}`;
}

function actionsOf(method: string): readonly Action[] {
  if (method === "GET" || method === "HEAD") return ["pull"];
  return method === "DELETE" ? ["delete"] : ["pull", "push"];
}

function requireMethod({ method }: Exchange, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  const headers = { allow: allowed.join(", ") };
  throw new Refusal(405, "UNSUPPORTED", `${method} is not for this path`, { headers });
}

function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreFullError) return new Refusal(507, "UNKNOWN", error.message);
  return undefined;
}

/** A client that has gone away in the middle of something. */
function isBrokenOff(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return ["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(String(error.code));
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(`http://registry${request.url ?? "/"}`);
  } catch {
    return new URL("http://registry/");
  }
}
