import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Logger } from "#base/log.ts";
import type { ImageStore } from "#images/store/image-store.ts";

/** Serves images for pulls: the reading half of the OCI distribution specification 1.1. */
export interface RegistryServer extends AsyncDisposable {
  readonly port: number;
}

const pathPattern = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/;

/** Listens on loopback: the node's own containerd is the client. */
export async function openRegistryServer(store: ImageStore, log: Logger): Promise<RegistryServer> {
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
  store: ImageStore,
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
    // A mirror is told for which registry it stands in: distribution-spec, Registry Proxying.
    const registry = searchParams.get("ns");
    const repository = registry === null ? name : `${registry}/${name}`;
    if (kind === "manifests")
      await serveManifest(store, { repository, reference }, request, response);
    else if (kind === "blobs") await serveBlob(store, reference, request, response);
    else refuse(response, 404, "NAME_UNKNOWN", "no such path");
  }
}

async function serveManifest(
  store: ImageStore,
  at: { readonly repository: string; readonly reference: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const found = store.findManifest(at.repository, at.reference);
  if (found === undefined) {
    refuse(response, 404, "MANIFEST_UNKNOWN", `no manifest ${at.reference} in ${at.repository}`);
    return;
  }
  const { digest, mediaType } = found;
  const text = await store.readManifest(digest);
  response.writeHead(200, {
    "content-type": mediaType,
    "content-length": text.length,
    "docker-content-digest": digest,
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function serveBlob(
  store: ImageStore,
  digest: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const blob = await store.findBlob(digest);
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
  else {
    const content = await store.readBlob(digest, start > 0 ? { start } : undefined);
    await pipeline(content ?? [], response);
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}
