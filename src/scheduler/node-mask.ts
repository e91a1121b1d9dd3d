import type { Taint, Toleration } from "#api/gen/types.ts";
import { matchesLabels } from "#api/selector/label.ts";
import { matchesNodeTerm } from "#api/selector/node.ts";
import type { NodeFacts, NodeTable } from "./node-table.ts";
import type { PodShape } from "./pod-shape.ts";

/** Why a node is out, whatever runs on it: bits of {@link NodeMask.faults}. */
export const fault = { gone: 1, unschedulable: 2, affinity: 4, taint: 8 } as const;

/** What a shape's node rules say of every slot; good for one version of the table. */
export interface NodeMask {
  readonly version: number;
  /** Bits of {@link fault}; 0: the node is open to the shape. */
  readonly faults: Uint8Array;
  /** Sum of the weights of the preferred node terms that match; undefined when there are none. */
  readonly preference: Float64Array | undefined;
  /** PreferNoSchedule taints that are not tolerated; undefined when no node has one. */
  readonly avoided: Float64Array | undefined;
}

const masksMax = 200;
const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Masks by shape, made again when the nodes changed. The one unused for longest makes room. */
export class NodeMasks {
  readonly #masks = new Map<string, NodeMask>();

  of(shape: PodShape, table: NodeTable): NodeMask {
    const present = this.#masks.get(shape.nodeKey);
    this.#masks.delete(shape.nodeKey);
    const mask = present?.version === table.version ? present : maskOf(shape, table);
    this.#masks.set(shape.nodeKey, mask);
    const oldest = this.#masks.keys().next();
    if (this.#masks.size > masksMax && oldest.done !== true) this.#masks.delete(oldest.value);
    return mask;
  }
}

function maskOf(shape: PodShape, table: NodeTable): NodeMask {
  const faults = new Uint8Array(table.size);
  const preference = shape.preferredNodes.length > 0 ? new Float64Array(table.size) : undefined;
  let avoided: Float64Array | undefined;
  for (let slot = 0; slot < table.size; slot++) {
    const node = table.facts[slot];
    faults[slot] = node === undefined ? fault.gone : faultsOf(shape, node);
    if (node === undefined) continue;
    if (preference !== undefined) preference[slot] = preferenceFor(shape, node);
    const count = avoidance(shape.tolerations, node);
    if (count > 0) {
      avoided ??= new Float64Array(table.size);
      avoided[slot] = count;
    }
  }
  return { version: table.version, faults, preference, avoided };
}

function faultsOf(shape: PodShape, node: NodeFacts): number {
  let faults = 0;
  if (node.unschedulable && !tolerates(shape.tolerations, unschedulableTaint)) {
    faults |= fault.unschedulable;
  }
  if (!matchesNodeRules(shape, node)) faults |= fault.affinity;
  if (intolerable(shape.tolerations, node) !== undefined) faults |= fault.taint;
  return faults;
}

function matchesNodeRules(shape: PodShape, node: NodeFacts): boolean {
  if (shape.nodeSelector !== undefined && !matchesLabels(shape.nodeSelector, node.labels))
    return false;
  return shape.requiredNodes?.some((it) => matchesNodeTerm(it, node)) ?? true;
}

function preferenceFor(shape: PodShape, node: NodeFacts): number {
  let sum = 0;
  for (const { term, weight } of shape.preferredNodes)
    if (matchesNodeTerm(term, node)) sum += weight;
  return sum;
}

function avoidance(tolerations: readonly Toleration[], node: NodeFacts): number {
  return node.taints.filter((it) => it.effect === "PreferNoSchedule" && !tolerates(tolerations, it))
    .length;
}

/** The first taint that keeps the pod away; for the message. */
export function intolerable(
  tolerations: readonly Toleration[],
  node: NodeFacts,
): Taint | undefined {
  return node.taints.find((it) => it.effect !== "PreferNoSchedule" && !tolerates(tolerations, it));
}

/** core/v1 `toleration.go` ToleratesTaint. */
export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((it) => {
    if (it.effect !== undefined && it.effect !== "" && it.effect !== taint.effect) return false;
    if (it.key !== undefined && it.key !== "" && it.key !== taint.key) return false;
    if (it.operator === "Exists") return true;
    return (it.value ?? "") === (taint.value ?? "") && it.key !== undefined;
  });
}
