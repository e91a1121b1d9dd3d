import type { EndpointSlice, Node, Service } from "#api/gen/types.ts";
import { endpointSlices, nodes, services } from "#client/kinds.ts";
import { joinKey, nameOf, namespaceOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { watches, type Controller } from "#reconcile/controller.ts";
import {
  addressOf,
  canBalance,
  planLoadBalancers,
  publishedOf,
  type LoadBalancerStep,
} from "./plan.ts";

const serviceNameLabel = "kubernetes.io/service-name";
const byService = "service";
/** All of them are looked at together: they share the ports of the nodes. */
const everything = "load-balancers";
const apiServerSlices = "default/kubernetes";

/** Publishes in the status of load balancers the node addresses that answer for them. */
export function loadBalancerController(ports: ControllerPorts): Controller {
  const { informers, client } = ports;
  const serviceInformer = informers.of(services);
  const nodeInformer = informers.of(nodes);
  const sliceInformer = informers.of(endpointSlices);
  sliceInformer.addIndex(byService, serviceOf);
  const recorder = ports.recorder("service-controller");
  const all = (): readonly string[] => [everything];

  async function take(step: LoadBalancerStep, signal: AbortSignal): Promise<void> {
    const { service } = step;
    if (step.kind === "conflict") {
      const { message } = step;
      recorder.record(services, service, {
        type: "Warning",
        reason: "SyncLoadBalancerFailed",
        message,
      });
      return;
    }
    const ingress = step.addresses.map((ip) => ({ ip, ipMode: "VIP" }));
    const { resourceVersion } = service.metadata ?? {};
    const body = { metadata: { resourceVersion }, status: { loadBalancer: { ingress } } };
    const at = { namespace: namespaceOf(service), name: nameOf(service), subresource: "status" };
    await client.patch(services, at, { type: "merge", body }, signal);
  }

  return {
    name: "load-balancer",
    workers: 1,
    watches: [
      watches(serviceInformer, all, ({ previous, current }) => concerns(previous, current)),
      watches(nodeInformer, all, ({ previous, current }) => {
        return nodeText(previous) !== nodeText(current);
      }),
      watches(sliceInformer, all, ({ previous, current }) => {
        const key = serviceOf(current ?? previous ?? { addressType: "" })[0] ?? "";
        if (key === apiServerSlices) return true;
        const { spec } = serviceInformer.get(key) ?? {};
        return spec?.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
      }),
    ],
    async reconcile(_key, signal) {
      const found = serviceInformer.list();
      // Most clusters have none, and nodes by the thousand.
      if (!found.some(isConcerned)) return {};
      const steps = planLoadBalancers({
        services: found,
        nodes: nodeInformer.list(),
        slicesOf: (key) => sliceInformer.byIndex(byService, key),
        reserved: reservedPorts(
          nodeInformer.list(),
          sliceInformer.byIndex(byService, apiServerSlices),
        ),
      });
      for (const step of steps) await take(step, signal);
      return {};
    },
  };
}

function serviceOf(slice: EndpointSlice): string[] {
  const name = slice.metadata?.labels?.[serviceNameLabel];
  return name === undefined ? [] : [joinKey(namespaceOf(slice), name)];
}

function concerns(previous: Service | undefined, current: Service | undefined): boolean {
  const concerned = [previous, current].some((it) => it !== undefined && isConcerned(it));
  return concerned && !sameJson(relevant(previous), relevant(current));
}

function isConcerned(service: Service): boolean {
  return service.spec?.type === "LoadBalancer" || publishedOf(service).length > 0;
}

function relevant(service: Service | undefined): unknown {
  if (service === undefined) return undefined;
  return [service.spec, service.metadata?.deletionTimestamp, publishedOf(service)];
}

function nodeText(node: Node | undefined): string {
  const ports = node === undefined ? [] : ingressPortsOf(node);
  const address = node === undefined || !canBalance(node) ? undefined : addressOf(node);
  return [address ?? "", ...ports].join(" ");
}

/** Where the node answers Ingresses: its `gantry-ingress` says so. */
function ingressPortsOf(node: Node): number[] {
  const text = node.metadata?.annotations?.["gantry.dev/ingress-ports"] ?? "";
  return text === "" ? [] : text.split(",").map(Number);
}

/** Where kubelets, API servers and Ingresses answer: no service may take connections from them. */
function reservedPorts(
  all: readonly Node[],
  apiServer: readonly EndpointSlice[],
): ReadonlySet<string> {
  const kubelets = all.map((it) => it.status?.daemonEndpoints?.kubeletEndpoint?.Port);
  const servers = apiServer.flatMap((it) => (it.ports ?? []).map((port) => port.port));
  const ingress = all.flatMap(ingressPortsOf);
  return new Set([...kubelets, ...servers, ...ingress].map((it) => `tcp/${it ?? 0}`));
}
