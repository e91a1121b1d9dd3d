import type { Node } from "#api/gen/types.ts";
import { evictionsPerSecond, type ZoneState } from "./plan.ts";

/** Region and zone of a node, one text. */
export function zoneOf(node: Node): string {
  const { labels = {} } = node.metadata ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? "";
  return `${region}/${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

/**
 * How many nodes of each zone are ready. Told of each change, since with thousands of nodes each asks
 * whenever it is heard from.
 */
export class NodeCensus {
  readonly #nodes = new Map<string, { readonly zone: string; readonly isReady: boolean }>();
  readonly #zones = new Map<string, { ready: number; notReady: number }>();
  #ready = 0;

  /** The present state of the node of that name; undefined when it is gone. */
  set(name: string, node: Node | undefined): void {
    const previous = this.#nodes.get(name);
    if (previous !== undefined) this.#count(previous, -1);
    this.#nodes.delete(name);
    if (node === undefined) return;
    const isReady = (node.status?.conditions ?? []).some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
    const current = { zone: zoneOf(node), isReady };
    this.#nodes.set(name, current);
    this.#count(current, 1);
  }

  /** How many nodes of the zone may lose their pods in a second. */
  evictionRate(zone: string): number {
    const state: ZoneState = this.#zones.get(zone) ?? { ready: 0, notReady: 0 };
    return evictionsPerSecond(state, this.#ready === 0);
  }

  #count({ zone, isReady }: { zone: string; isReady: boolean }, change: number): void {
    const state = this.#zones.get(zone) ?? { ready: 0, notReady: 0 };
    if (isReady) this.#ready += change;
    if (isReady) state.ready += change;
    else state.notReady += change;
    if (state.ready + state.notReady > 0) this.#zones.set(zone, state);
    else this.#zones.delete(zone);
  }
}

/** Lets one node after the other lose its pods, as fast as its zone allows. */
export class EvictionPace {
  readonly #census: NodeCensus;
  /** When the next node of a zone may go, in monotonic milliseconds. */
  readonly #nextAt = new Map<string, number>();

  constructor(census: NodeCensus) {
    this.#census = census;
  }

  /**
   * Milliseconds until a node of the zone may lose its pods: 0 for now, which {@link take} then
   * uses up; undefined while the zone, or the whole cluster, is in trouble.
   */
  waitMs(node: Node, monotonicMs: number): number | undefined {
    const zone = zoneOf(node);
    if (this.#census.evictionRate(zone) === 0) return undefined;
    return Math.max(0, (this.#nextAt.get(zone) ?? 0) - monotonicMs);
  }

  take(node: Node, monotonicMs: number): void {
    const zone = zoneOf(node);
    const rate = this.#census.evictionRate(zone);
    if (rate > 0) this.#nextAt.set(zone, monotonicMs + 1_000 / rate);
  }
}
