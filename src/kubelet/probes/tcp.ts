import { connect } from "node:net";
import type { TCPSocketAction } from "#api/gen/types.ts";
import { messageOf } from "./http.ts";
import { hostPort, portOf, type Outcome, type ProbeTarget } from "./target.ts";

/** A connection that opens is success. */
export async function probeTcp(
  action: TCPSocketAction,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<Outcome> {
  const host = action.host === undefined || action.host === "" ? target.podIp : action.host;
  const port = portOf(action.port, target);
  const socket = connect({ host, port, signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return { kind: "success", output: "" };
  } catch (error) {
    return { kind: "failure", output: `dial tcp ${hostPort(host, port)}: ${messageOf(error)}` };
  } finally {
    socket.destroy();
  }
}
