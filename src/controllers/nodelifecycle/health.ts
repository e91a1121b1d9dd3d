import type { Lease, Node } from "#api/gen/types.ts";

interface Heard {
  readonly mark: string;
  readonly atMs: number;
}

/**
 * When each node was last heard from, by the own monotonic clock: that its lease or its heartbeat
 * changed is what counts, not the time in it, so that clocks need not agree.
 */
export class NodeHealth {
  readonly #heard = new Map<string, Heard>();

  /** Returns for how many milliseconds the node has been silent. */
  observe(node: Node, lease: Lease | undefined, monotonicMs: number): number {
    const name = node.metadata?.name ?? "";
    const mark = markOf(node, lease);
    const known = this.#heard.get(name);
    if (known?.mark === mark) return monotonicMs - known.atMs;
    this.#heard.set(name, { mark, atMs: monotonicMs });
    return 0;
  }

  forget(name: string): void {
    this.#heard.delete(name);
  }
}

function markOf(node: Node, lease: Lease | undefined): string {
  const ready = node.status?.conditions?.find((it) => it.type === "Ready");
  return [
    node.metadata?.uid ?? "",
    lease?.spec?.renewTime ?? "",
    ready?.lastHeartbeatTime ?? "",
  ].join("/");
}
