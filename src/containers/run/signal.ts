import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { askNode } from "./node.ts";

/** Sends a signal to the first process of a running container, by its node. @throws {StatusError} */
export async function signalPod(session: Session, pod: Pod, name: string): Promise<void> {
  const query = new URLSearchParams({ signal: name });
  session.io.err(await askNode(session, pod, { method: "POST", route: "signal", query }));
}
