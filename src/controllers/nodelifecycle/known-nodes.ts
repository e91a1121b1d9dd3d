import type { Node } from "#api/gen/types.ts";
import { nodes } from "#client/kinds.ts";
import type { EventRecorder } from "#reconcile/events.ts";

/** Tells of nodes that come and go. Upstream: `pkg/controller/nodelifecycle`. */
export class KnownNodes {
  readonly #recorder: EventRecorder;
  readonly #nodes = new Map<string, Node>();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  /** @param node undefined: there is none of that name. */
  see(name: string, node: Node | undefined): void {
    const before = this.#nodes.get(name);
    if (node === undefined) {
      if (before !== undefined) this.#tell(before, "RemovingNode", `Removing Node ${name} from`);
      this.#nodes.delete(name);
      return;
    }
    if (before === undefined) this.#tell(node, "RegisteredNode", `Registered Node ${name} in`);
    this.#nodes.set(name, node);
  }

  #tell(node: Node, reason: string, what: string): void {
    const name = node.metadata?.name ?? "";
    const message = `Node ${name} event: ${what} Controller`;
    this.#recorder.record(nodes, node, { type: "Normal", reason, message });
  }
}
