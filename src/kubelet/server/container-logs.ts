import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ServerContext } from "./context.ts";
import { ServerFault } from "./fault.ts";
import { chooseLogInstance } from "./log-instance.ts";
import { parseLogQuery } from "./logs/options.ts";
import { readLog } from "./logs/read-log.ts";
import type { ContainerRoute } from "./routes.ts";

/** Writes a container's log as the response. @throws {ServerFault} before anything was written. */
export async function serveLogs(
  context: ServerContext,
  asked: {
    readonly route: ContainerRoute;
    readonly query: URLSearchParams;
  },
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { route } = asked;
  const query = parseLogQuery(asked.query, context.clock.now());
  if (query === undefined) throw new ServerFault(422, '{"message": "Invalid request."}');
  const served = context.pods.find(route.namespace, route.pod);
  if (served === undefined) throw new ServerFault(404, `pod "${route.pod}" does not exist`);
  const chosen = chooseLogInstance(served, route.container, query.previous);
  if (chosen.kind === "none") throw new ServerFault(chosen.status, chosen.message);
  const { id, logPath } = chosen.instance;
  const source = {
    path: logPath,
    ended: (stop: AbortSignal) => context.pods.ended(served, id, stop),
  };
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  for await (const piece of readLog(source, query, signal)) {
    if (!response.write(piece)) await once(response, "drain", { signal });
  }
  response.end();
}
