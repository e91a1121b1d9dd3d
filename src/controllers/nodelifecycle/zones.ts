import type { Node } from "#api/gen/types.ts";
import { evictionsPerSecond, type ZoneState } from "./plan.ts";

/** Region and zone of a node, one text. */
export function zoneOf(node: Node): string {
  const { labels = {} } = node.metadata ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? "";
  return `${region}/${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

/** Lets one node after the other lose its pods, as fast as its zone allows. */
export class EvictionPace {
  /** When the next node of a zone may go, in monotonic milliseconds. */
  readonly #nextAt = new Map<string, number>();

  /**
   * Milliseconds until a node of the zone may lose its pods: 0 for now, which {@link take} then
   * uses up; undefined while the zone, or the whole cluster, is in trouble.
   */
  waitMs(node: Node, all: readonly Node[], monotonicMs: number): number | undefined {
    if (rateOf(node, all) === 0) return undefined;
    return Math.max(0, (this.#nextAt.get(zoneOf(node)) ?? 0) - monotonicMs);
  }

  take(node: Node, all: readonly Node[], monotonicMs: number): void {
    const rate = rateOf(node, all);
    if (rate > 0) this.#nextAt.set(zoneOf(node), monotonicMs + 1_000 / rate);
  }
}

function rateOf(node: Node, all: readonly Node[]): number {
  const zone = zoneOf(node);
  const state = count(all.filter((it) => zoneOf(it) === zone));
  return evictionsPerSecond(state, count(all).ready === 0);
}

function count(nodes: readonly Node[]): ZoneState {
  const ready = nodes.filter((it) =>
    (it.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
  ).length;
  return { ready, notReady: nodes.length - ready };
}
