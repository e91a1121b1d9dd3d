import type { ServerResponse } from "node:http";
import { constants } from "node:os";
import { signalProcess } from "#cri/procfs.ts";
import type { ServerContext } from "./context.ts";
import { ServerFault } from "./fault.ts";
import { runningInstance } from "./pods.ts";
import type { ContainerRoute } from "./routes.ts";

/**
 * Sends a signal to a container's first process, as `docker kill` does: the API of Kubernetes only
 * knows how to end a pod. @throws {ServerFault}
 */
export async function serveSignal(
  { pods, runtime }: Pick<ServerContext, "pods" | "runtime">,
  asked: { readonly route: ContainerRoute; readonly query: URLSearchParams },
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const text = asked.query.get("signal") ?? "";
  const number = signalNumber(text);
  if (number === undefined) throw new ServerFault(400, `invalid signal: ${text}`);
  const { namespace, pod, uid, container } = asked.route;
  const served = pods.find(namespace, pod, uid);
  if (served === undefined) throw new ServerFault(404, "pod does not exist");
  const id = runningInstance(served, container);
  const pid = id === undefined ? undefined : (await runtime.containerStatus(id, signal))?.pid;
  if (pid === undefined || !signalProcess(pid, number))
    throw new ServerFault(409, `container "${container}" is not running`);
  response.writeHead(200, { "content-type": "text/plain" });
  response.end();
}

const signalMax = 64;
const realtimeMin = 34;

/** `HUP`, `SIGHUP`, `1`, `RTMIN+3`; undefined for what is no signal. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= signalMax ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const [, edge, sign, offset = "0"] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (edge !== undefined) {
    const from = edge === "MIN" ? realtimeMin : signalMax;
    const number = from + (sign === "-" ? -1 : 1) * Number(offset);
    return number >= realtimeMin && number <= signalMax ? number : undefined;
  }
  const signals: Readonly<Record<string, number | undefined>> = constants.signals;
  return signals[`SIG${name}`];
}
