import type { NodeStatus } from "#api/gen/types.ts";
import type { PodEvent } from "#kubelet/ports.ts";

/** What a node's events are decided on. */
export interface ToldNode {
  readonly conditions: NonNullable<NodeStatus["conditions"]>;
  /** Empty where it is not known. */
  readonly bootId: string;
  readonly unschedulable: boolean;
}

type NodeEvent = Omit<PodEvent, "container">;

/** A condition and the reasons of events when it becomes true and when it becomes false. */
const reasons: readonly (readonly [type: string, whenTrue: string, whenFalse: string])[] = [
  ["MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"],
  ["DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"],
  ["PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"],
  ["Ready", "NodeReady", "NodeNotReady"],
];

/**
 * What to tell of a node that has changed. Upstream: `pkg/kubelet/nodestatus/setters.go`.
 * @param before undefined for a node that was not there.
 */
export function nodeEvents(
  name: string,
  before: ToldNode | undefined,
  after: ToldNode,
): readonly NodeEvent[] {
  const told: NodeEvent[] = [];
  const { bootId } = after;
  if (before !== undefined && before.bootId !== "" && before.bootId !== bootId) {
    const message = `Node ${name} has been rebooted, boot id: ${bootId}`;
    told.push({ type: "Warning", reason: "Rebooted", message });
  }
  const changed: string[] = [];
  for (const [type, whenTrue, whenFalse] of reasons) {
    const now = statusOf(after, type);
    if (now === undefined || now === statusOf(before, type)) continue;
    changed.push(now === "True" ? whenTrue : whenFalse);
  }
  if ((before?.unschedulable ?? false) !== after.unschedulable) {
    changed.push(after.unschedulable ? "NodeNotSchedulable" : "NodeSchedulable");
  }
  for (const reason of changed) {
    told.push({ type: "Normal", reason, message: `Node ${name} status is now: ${reason}` });
  }
  return told;
}

function statusOf(node: ToldNode | undefined, type: string): string | undefined {
  return node?.conditions.find((it) => it.type === type)?.status;
}
