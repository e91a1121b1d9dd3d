import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Logger } from "#base/log.ts";
import type { LayoutStore } from "./layout-store.ts";

/** Serves images for pulls: the reading half of the OCI distribution specification 1.1. */
export interface RegistryServer extends AsyncDisposable {
  readonly port: number;
}

/** Of requests that name no registry as `ns`, which containerd does for mirrors. */
const usualRegistry = "docker.io";
const pathPattern = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/;

/** Listens on loopback: the node's own containerd is the client. */
export async function openRegistryServer(store: LayoutStore, log: Logger): Promise<RegistryServer> {
  const server = createServer((request, response) => {
    serve(store, request, response).catch((error: unknown) => {
      log.error("registry request failed", { url: request.url ?? "", error: error as Error });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(
  store: LayoutStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://registry");
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuse(response, 405, "UNSUPPORTED", "this registry is read-only");
  } else if (path === "/v2/" || path === "/v2") {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  } else {
    const [, name = "", kind = "", reference = ""] = pathPattern.exec(path) ?? [];
    const repository = `${searchParams.get("ns") ?? usualRegistry}/${name}`;
    if (kind === "manifests")
      await serveManifest(store, { repository, reference }, request, response);
    else if (kind === "blobs") await serveBlob(store, reference, request, response);
    else refuse(response, 404, "NAME_UNKNOWN", "no such path");
  }
}

async function serveManifest(
  store: LayoutStore,
  at: { readonly repository: string; readonly reference: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const digest = await store.resolve(at.repository, at.reference);
  const text = digest === undefined ? undefined : await store.readManifest(digest);
  if (digest === undefined || text === undefined) {
    refuse(response, 404, "MANIFEST_UNKNOWN", `no manifest ${at.reference} in ${at.repository}`);
    return;
  }
  const { mediaType } = JSON.parse(text) as { mediaType?: string };
  response.writeHead(200, {
    "content-type": mediaType ?? "application/vnd.oci.image.manifest.v1+json",
    "content-length": Buffer.byteLength(text),
    "docker-content-digest": digest,
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function serveBlob(
  store: LayoutStore,
  digest: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const blob = await store.find(digest);
  if (blob === undefined) {
    refuse(response, 404, "BLOB_UNKNOWN", `no blob ${digest}`);
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && start >= blob.sizeBytes) {
    refuse(response, 416, "RANGE_INVALID", `the blob has ${blob.sizeBytes} bytes`);
    return;
  }
  response.writeHead(start > 0 ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": blob.sizeBytes - start,
    "docker-content-digest": digest,
    ...(start > 0
      ? { "content-range": `bytes ${start}-${blob.sizeBytes - 1}/${blob.sizeBytes}` }
      : {}),
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(blob.read(start), response);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}
