import type { EndpointView } from "./endpoints.ts";

/** The node whose rules are made. */
export interface NodePlace {
  readonly name: string;
  /** "" when it is in none. */
  readonly zone: string;
}

/** Which endpoints take a port's traffic on one node. */
export interface Choice {
  /** For traffic that may go anywhere. */
  readonly cluster: readonly EndpointView[];
  /** For traffic that has to stay on the node. */
  readonly local: readonly EndpointView[];
  /** Whether any node has one; where none has, clients are refused, otherwise left without answer. */
  readonly hasAny: boolean;
}

/**
 * Ready endpoints; where there are none, those that are ending but still answer. Upstream:
 * `pkg/proxy/topology.go`.
 */
export function chooseEndpoints(endpoints: readonly EndpointView[], node: NodePlace): Choice {
  const ready = endpoints.filter((it) => it.ready);
  const ending = endpoints.filter((it) => !it.ready && it.serving && it.terminating);
  const localReady = ready.filter((it) => it.nodeName === node.name);
  const localEnding = ending.filter((it) => it.nodeName === node.name);
  return {
    cluster: ready.length > 0 ? near(ready, node) : ending,
    local: localReady.length > 0 ? localReady : localEnding,
    hasAny: ready.length > 0 || ending.length > 0,
  };
}

/** Hints count only when every endpoint has them and one is for this node or zone. */
function near(ready: readonly EndpointView[], node: NodePlace): readonly EndpointView[] {
  const sameNode = ready.filter((it) => it.nodeHints.includes(node.name));
  if (sameNode.length > 0 && ready.every((it) => it.nodeHints.length > 0)) return sameNode;
  const sameZone = ready.filter((it) => node.zone !== "" && it.zoneHints.includes(node.zone));
  if (sameZone.length > 0 && ready.every((it) => it.zoneHints.length > 0)) return sameZone;
  return ready;
}
