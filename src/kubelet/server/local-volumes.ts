import type { IncomingMessage, ServerResponse } from "node:http";
import type { LocalDirectories } from "#kubelet/volumes/local-directories.ts";
import { ServerFault } from "./fault.ts";

/** Makes or removes the directory of a volume, for the provisioner. @throws {ServerFault} */
export async function serveLocalVolume(
  directories: LocalDirectories | undefined,
  volume: string,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  signal: AbortSignal,
): Promise<void> {
  if (directories === undefined) throw new ServerFault(404, "this node keeps no volumes");
  if (request.method === "PUT") {
    const path = await directories.create(volume);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ path }));
  } else if (request.method === "DELETE") {
    await directories.remove(volume, signal);
    response.writeHead(204);
    response.end();
  } else {
    throw new ServerFault(405, "405: Method Not Allowed");
  }
}
