import type { EndpointSlice, Service } from "#api/gen/types.ts";
import { formatRange, isEverything, mergeRanges, parseBlock } from "#proxy/ipv4.ts";
import type { FlowTarget } from "#proxy/flows.ts";
import { FragmentBuilder, type Fragment } from "#proxy/nft/fragment.ts";
import { endpointsOf, type EndpointView } from "./endpoints.ts";
import { masqueradeMark, sharedSets } from "./base-rules.ts";
import { serviceView, type ServicePortView, type ServiceView } from "./service-view.ts";
import { chooseEndpoints, type Choice, type NodePlace } from "./traffic.ts";

export interface ServiceInput {
  readonly service: Service;
  /** All slices of the service. */
  readonly slices: readonly EndpointSlice[];
  readonly node: NodePlace;
  /** Addresses of the cluster's pods, `10.244.0.0/16`. */
  readonly podRange: string;
}

export interface HealthCheck {
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

/** What a node does about one service. */
export interface ServicePlan {
  readonly fragment: Fragment;
  readonly flows: readonly FlowTarget[];
  readonly healthCheck: HealthCheck | undefined;
}

/** Sources that an affinity remembers for one endpoint; the oldest are forgotten by their time. */
const affinityClientsMax = 65_536;

/**
 * The rules of one service on one node. Undefined: the proxy has nothing to do for it. Upstream's
 * behaviour, `pkg/proxy/nftables`, with fewer chains: one for each port, one more where it is open to
 * the outside, and one for each endpoint only where clients stay with an endpoint.
 */
export function planService(input: ServiceInput): ServicePlan | undefined {
  const view = serviceView(input.service);
  if (view === undefined) return undefined;
  const out = new FragmentBuilder();
  const flows: FlowTarget[] = [];
  const local = new Set<string>();
  for (const address of view.clusterIps) out.element(sharedSets.clusterIps, address);
  for (const port of view.ports) {
    const endpoints = endpointsOf(port, input.slices);
    const choice = chooseEndpoints(endpoints, input.node);
    planPort({ view, port, choice, input }, out);
    for (const it of choice.local) local.add(it.address);
    if (port.transport === "udp") flows.push(flowTarget(view, port, endpoints));
  }
  const { namespace, name, healthCheckPort: at } = view;
  const healthCheck =
    at === 0 ? undefined : { port: at, namespace, name, localEndpoints: local.size };
  return { fragment: out, flows, healthCheck };
}

interface PortInput {
  readonly view: ServiceView;
  readonly port: ServicePortView;
  readonly choice: Choice;
  readonly input: ServiceInput;
}

function planPort(at: PortInput, out: FragmentBuilder): void {
  const { view, port, choice } = at;
  planFirewall(at, out);
  planInternal(at, out);
  const ips = [...view.externalIps, ...view.loadBalancerIps].map((it) => addressKey(it, port));
  const node = port.nodePort === 0 ? [] : [`${port.transport} . ${port.nodePort}`];
  if (ips.length + node.length === 0) return;
  const external = view.externalLocal ? choice.local : choice.cluster;
  if (external.length === 0) {
    const refusal = refusalOf(choice);
    for (const key of ips) out.element(sharedSets.refusedIps, key, refusal);
    for (const key of node) out.element(sharedSets.refusedPorts, key, refusal);
  }
  if (!choice.hasAny) return;
  planExternal(at, external, out);
  for (const key of ips) out.element(sharedSets.serviceIps, key, `goto ext/${port.id}`);
  for (const key of node) out.element(sharedSets.nodePorts, key, `goto ext/${port.id}`);
}

/** Refused at once where there is nobody; where others could answer, their node is the one to ask. */
function refusalOf(choice: Choice): string {
  return choice.hasAny ? "drop" : "goto refuse";
}

function planInternal(at: PortInput, out: FragmentBuilder): void {
  const { view, port, choice, input } = at;
  const endpoints = view.internalLocal ? choice.local : choice.cluster;
  const keys = view.clusterIps.map((it) => addressKey(it, port));
  if (endpoints.length === 0) {
    for (const key of keys) out.element(sharedSets.refusedIps, key, refusalOf(choice));
    return;
  }
  const mark = `ip saddr != ${input.podRange} ${setMark}`;
  out.chains.set(`svc/${port.id}`, [mark, ...balance(at, endpoints, out)]);
  for (const key of keys) out.element(sharedSets.serviceIps, key, `goto svc/${port.id}`);
}

const setMark = `meta mark set meta mark | ${masqueradeMark}`;

/**
 * The way in from outside. Under the policy Local, only endpoints of this node, which see the
 * client's address; pods and the node itself get any endpoint all the same.
 */
function planExternal(at: PortInput, local: readonly EndpointView[], out: FragmentBuilder): void {
  const { view, port, choice, input } = at;
  const any = view.internalLocal ? `any/${port.id}` : `svc/${port.id}`;
  if (view.internalLocal) out.chains.set(any, balance(at, choice.cluster, out));
  out.chains.set(
    `ext/${port.id}`,
    view.externalLocal
      ? [
          `ip saddr ${input.podRange} goto ${any}`,
          `fib saddr type local ${setMark} goto ${any}`,
          ...balance(at, local, out),
        ]
      : [`${setMark} goto ${any}`],
  );
}

/** Before anything is translated, so that it sees the client and the address that it asked for. */
function planFirewall({ view, port }: PortInput, out: FragmentBuilder): void {
  if (view.sourceRanges.length === 0 || view.loadBalancerIps.length === 0) return;
  const blocks = view.sourceRanges.map(parseBlock).filter((it) => it !== undefined);
  if (isEverything(blocks)) return;
  const allowed = mergeRanges(blocks).map(formatRange).join(", ");
  out.chains.set(`fw/${port.id}`, [allowed === "" ? "drop" : `ip saddr != { ${allowed} } drop`]);
  for (const it of view.loadBalancerIps) {
    out.element(sharedSets.firewalls, addressKey(it, port), `goto fw/${port.id}`);
  }
}

/** Rules that hand a new connection to one of the endpoints. */
function balance(
  at: PortInput,
  endpoints: readonly EndpointView[],
  out: FragmentBuilder,
): readonly string[] {
  const { view, port, input } = at;
  for (const it of endpoints) {
    // A pod that is sent back to itself would not know its own packets.
    if (it.nodeName === input.node.name) {
      out.element(sharedSets.hairpin, `${it.address} . ${it.address}`);
    }
  }
  if (endpoints.length === 0) return [];
  if (view.affinitySeconds !== undefined) {
    return stickyRules(port, endpoints, view.affinitySeconds, out);
  }
  const match = `meta l4proto ${port.transport} dnat ip to`;
  const [only] = endpoints;
  if (endpoints.length === 1 && only !== undefined)
    return [`${match} ${only.address}:${only.port}`];
  const choices = endpoints.map((it, index) => `${index} : ${it.address} . ${it.port}`);
  return [`${match} numgen random mod ${endpoints.length} map { ${choices.join(", ")} }`];
}

/** A client that an endpoint remembers goes there; who is new is dealt out and remembered. */
function stickyRules(
  port: ServicePortView,
  endpoints: readonly EndpointView[],
  seconds: number,
  out: FragmentBuilder,
): readonly string[] {
  const remembered: string[] = [];
  const choices: string[] = [];
  for (const [index, { address, port: number }] of endpoints.entries()) {
    const chain = `dst/${port.id}/${address}/${number}`;
    // A set's time-out cannot be changed, so it is in the name.
    const set = `aff/${port.id}/${address}/${number}/${seconds}`;
    out.sets.set(
      set,
      `type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; size ${affinityClientsMax};`,
    );
    out.chains.set(chain, [
      `update @${set} { ip saddr }`,
      `meta l4proto ${port.transport} dnat ip to ${address}:${number}`,
    ]);
    remembered.push(`ip saddr @${set} goto ${chain}`);
    choices.push(`${index} : goto ${chain}`);
  }
  return [...remembered, `numgen random mod ${endpoints.length} vmap { ${choices.join(", ")} }`];
}

function addressKey(address: string, { transport, port }: ServicePortView): string {
  return `${address} . ${transport} . ${port}`;
}

function flowTarget(
  view: ServiceView,
  port: ServicePortView,
  endpoints: readonly EndpointView[],
): FlowTarget {
  return {
    port: port.port,
    addresses: [...view.clusterIps, ...view.externalIps, ...view.loadBalancerIps],
    nodePort: port.nodePort,
    endpoints: endpoints.filter((it) => it.serving).map((it) => `${it.address}:${it.port}`),
  };
}
