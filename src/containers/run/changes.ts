import type { Pod } from "#api/gen/types.ts";
import type { Session } from "#cli/connection.ts";
import { nameOf } from "#containers/find.ts";
import { containerStateOf } from "#containers/state.ts";
import { askNode, streamFromNode } from "./node.ts";

const letters = ["C", "A", "D"] as const;

/** `gantry diff`: `C`hanged, `A`dded and `D`eleted paths of a container's own files. */
export async function changesText(session: Session, pod: Pod): Promise<string> {
  checkStarted(pod);
  const request = { method: "GET", route: "inside-changes", query: new URLSearchParams() } as const;
  const changes = JSON.parse(await askNode(session, pod, request)) as readonly {
    readonly Path: string;
    readonly Kind: 0 | 1 | 2;
  }[];
  return changes.map((it) => `${letters[it.Kind]} ${it.Path}\n`).join("");
}

/** The same as the uncompressed tar of a layer. */
export async function changesLayer(session: Session, pod: Pod): Promise<AsyncIterable<Uint8Array>> {
  checkStarted(pod);
  const request = { method: "GET", route: "inside-layer", query: new URLSearchParams() } as const;
  return await streamFromNode(session, pod, request);
}

/** @throws {Error} for a container of which a node has nothing. */
export function checkStarted(pod: Pod): void {
  const { kind } = containerStateOf(pod);
  if (kind !== "created" && kind !== "failed") return;
  throw new Error(`container ${nameOf(pod)} was never started: it has no files of its own`);
}
