import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { pods } from "#client/kinds.ts";
import { nameOf } from "#containers/find.ts";
import { isPaused, pausedAnnotation } from "#containers/labels.ts";
import { containerStateOf } from "#containers/state.ts";
import { askNode } from "./node.ts";

/** `gantry pause`: freezes every process of a container. @throws {Error} as Docker says it. */
export async function pauseContainer(session: Session, pod: Pod): Promise<void> {
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`Container ${nameOf(pod)} is not running`);
  }
  if (isPaused(pod)) throw new Error(`Container ${nameOf(pod)} is already paused`);
  await askNode(session, pod, { method: "POST", route: "inside-pause", query: noQuery });
  await note(session, pod, "true");
}

/** `gantry unpause`. @throws {Error} as Docker says it. */
export async function unpauseContainer(session: Session, pod: Pod): Promise<void> {
  if (!isPaused(pod)) throw new Error(`Container ${nameOf(pod)} is not paused`);
  if (containerStateOf(pod).kind === "running") {
    await askNode(session, pod, { method: "POST", route: "inside-resume", query: noQuery });
  }
  await note(session, pod, null);
}

/** Frozen processes hear no signals. */
export async function unpauseForEnd(session: Session, pod: Pod): Promise<void> {
  if (isPaused(pod)) await unpauseContainer(session, pod);
}

const noQuery = new URLSearchParams();

async function note({ cluster, signal }: Session, pod: Pod, value: string | null): Promise<void> {
  const { namespace, name = "" } = pod.metadata ?? {};
  const body = { metadata: { annotations: { [pausedAnnotation]: value } } };
  await cluster.client.patch(pods, { namespace, name }, { type: "merge", body }, signal);
}
