import type { Node } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Informers } from "#client/informers.ts";
import { nodes } from "#client/kinds.ts";
import { nameOf } from "#client/object-key.ts";
import { runControllers, watches, type Controller } from "#reconcile/controller.ts";
import {
  forwardingCommand,
  neighbourCommand,
  routeCommands,
  tunnelCommands,
  type NetworkNames,
} from "./commands.ts";
import { followLinks } from "./link-events.ts";
import { hasDevice, readLinks, readRoutes, runBatch, type Link } from "./links.ts";
import { planRoutes, tunnelEnd, type NetworkNode, type PodRoute, type TunnelEnd } from "./plan.ts";

export interface PodNetworkOptions {
  /** This machine's node. */
  readonly nodeName: string;
  readonly names: NetworkNames;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The one key: all routes are looked at together. */
const allRoutes = "all";

/**
 * Keeps routes to the pods of all other nodes until the signal aborts; the routes stay, for the pods
 * do. On one segment the node itself is the next hop, elsewhere packets travel in VXLAN.
 */
export async function runPodNetwork(
  options: PodNetworkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  const listeners = new Set<() => void>();
  await using tasks = new TaskGroup((error) => {
    log.error("links are not followed", { error: error as Error });
  });
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  tasks.start((stop) => followLinks(changed, clock, AbortSignal.any([stop, signal])));
  await runControllers([podNetworkController(options, listeners)], { clock, log }, signal);
}

function podNetworkController(options: PodNetworkOptions, links: Set<() => void>): Controller {
  const nodeInformer = options.informers.of(nodes);
  const machine = new Machine(options.names);
  return {
    name: "pod-network",
    workers: 1,
    initialKeys: [allRoutes],
    watches: [
      // Heartbeats change no route.
      watches(
        nodeInformer,
        () => [allRoutes],
        ({ previous, current }) => factsText(previous) !== factsText(current),
      ),
      {
        synced: () => Promise.resolve(),
        subscribe(add) {
          const listener = (): void => {
            add(allRoutes);
          };
          links.add(listener);
          return () => links.delete(listener);
        },
      },
    ],
    async reconcile(_key, signal) {
      const known = nodeInformer.list().flatMap((it) => networkNode(it) ?? []);
      const own = known.find((it) => it.name === options.nodeName);
      // Before it has an address and a range of its own, it has no part in the network.
      if (own === undefined) return {};
      const local = await readLinks(signal);
      await machine.apply(own, planRoutes(own.name, known, local), local, signal);
      return {};
    },
  };
}

function factsText(node: Node | undefined): string {
  return node === undefined ? "" : JSON.stringify(networkNode(node) ?? {});
}

/** Undefined while the node has no IPv4 address, or no range of pod addresses. */
function networkNode(node: Node): NetworkNode | undefined {
  const podCidr = node.spec?.podCIDR ?? "";
  const addresses = node.status?.addresses ?? [];
  const address = addresses.find((it) => it.type === "InternalIP")?.address ?? "";
  if (!podCidr.includes(".") || !address.includes(".")) return undefined;
  return { name: nameOf(node), address, podCidr };
}

/** The machine's side: what is there, and what must change. */
class Machine {
  readonly #names: NetworkNames;
  /** The link and address for which the tunnel was made by this process. */
  #tunnel = "";
  /** What the tunnel knows of its peers. */
  #peers = "";

  constructor(names: NetworkNames) {
    this.#names = names;
  }

  async apply(
    own: NetworkNode,
    routes: readonly PodRoute[],
    links: readonly Link[],
    signal: AbortSignal,
  ): Promise<void> {
    const peers = routes.flatMap((it) => (it.kind === "tunnel" ? [it.peer] : []));
    if (peers.length > 0) await this.#tunnelTo(own, peers, links, signal);
    const present = await readRoutes(this.#names, signal);
    await runBatch("ip", routeCommands(routes, present, this.#names), signal);
  }

  async #tunnelTo(
    own: NetworkNode,
    peers: readonly TunnelEnd[],
    links: readonly Link[],
    signal: AbortSignal,
  ): Promise<void> {
    const { tunnelDevice } = this.#names;
    const link = links.find((it) => it.address === own.address);
    if (link === undefined) {
      throw new Error(`no link of this machine has the node's address ${own.address}`);
    }
    const self = tunnelEnd(own.address, own.podCidr);
    const made = JSON.stringify([self, link]);
    const isThere = await hasDevice(tunnelDevice, signal);
    if (!isThere || this.#tunnel !== made) {
      const remove = isThere ? [`link del ${tunnelDevice}`] : [];
      await runBatch("ip", [...remove, ...tunnelCommands(self, link, this.#names)], signal);
      this.#tunnel = made;
      this.#peers = "";
    }
    const known = JSON.stringify(peers);
    if (known === this.#peers) return;
    const [neighbours, forwarding] = [neighbourCommand, forwardingCommand].map((command) =>
      peers.map((it) => command(it, this.#names)),
    );
    await runBatch("ip", neighbours ?? [], signal);
    await runBatch("bridge", forwarding ?? [], signal);
    this.#peers = known;
  }
}
