import type { IncomingMessage, ServerResponse } from "node:http";
import type { LocalDirectories } from "#kubelet/volumes/local-directories.ts";
import { ServerFault } from "./fault.ts";

/**
 * Makes, removes and lists the directories of volumes, for the provisioner: `GET` of all, `PUT` and
 * `DELETE` of one; with `empty=true` it is only removed if nothing is in it. @throws {ServerFault}
 */
export async function serveLocalVolumes(
  directories: LocalDirectories | undefined,
  asked: { readonly volume: string | undefined; readonly query: URLSearchParams },
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  signal: AbortSignal,
): Promise<void> {
  if (directories === undefined) throw new ServerFault(404, "this node keeps no volumes");
  const { volume } = asked;
  const what = `${request.method ?? ""} ${volume === undefined ? "all" : "one"}`;
  if (what === "GET all") {
    answer(response, { names: await directories.list() });
  } else if (what === "PUT one" && volume !== undefined) {
    answer(response, { path: await directories.create(volume) });
  } else if (what === "DELETE one" && volume !== undefined) {
    if (asked.query.get("empty") === "true") await directories.removeEmpty(volume);
    else await directories.remove(volume, signal);
    answer(response, {});
  } else {
    throw new ServerFault(405, "405: Method Not Allowed");
  }
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
