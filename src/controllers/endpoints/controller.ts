import type { Endpoints, EndpointSlice, Node, Pod, Service } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import type { Change } from "#client/cache.ts";
import type { Informer } from "#client/informer.ts";
import { endpoints, endpointSlices, nodes, pods, services } from "#client/kinds.ts";
import { isDeleting, keyOf, nameOf, namespaceOf, splitKey, uidOf } from "#client/object-key.ts";
import { controllerReference } from "#controllers/ownership/claim.ts";
import { matchesLabels } from "#controllers/ownership/selection.ts";
import { inNamespace } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import { isHeadless, podView } from "./addresses.ts";
import { endpointSubsets } from "./legacy.ts";
import {
  headlessLabel,
  managedBy,
  managedByLabel,
  planSlices,
  serviceNameLabel,
  type SliceContent,
  type SliceStep,
} from "./plan.ts";

/** Keeps the EndpointSlices of every service that has a selector. */
export function endpointSliceController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const serviceInformer = informers.of(services);
  const podInformer = informers.of(pods);
  const nodeInformer = informers.of(nodes);
  const sliceInformer = informers.of(endpointSlices);
  sliceInformer.addIndex("service", (it) => serviceKeys(it));
  const writes = new OwnWrites(sliceInformer, ports);
  return {
    name: "endpointslice-controller",
    workers: 8,
    watches: [
      watches(serviceInformer, ownKey),
      watches(podInformer, (it) => servicesOf(serviceInformer, it), changesEndpoints),
      watches(sliceInformer, serviceKeys),
      // A zone is known as soon as the node is; later changes are rare and wait for the next look.
      { synced: (signal) => nodeInformer.synced(signal), subscribe: () => () => undefined },
    ],
    async reconcile(key, signal) {
      await writes.settled(key, signal);
      const service = serviceInformer.get(key);
      // Deleted: the garbage collector removes the slices.
      if (service === undefined || isDeleting(service) || !hasSelector(service)) return {};
      const steps = planSlices({
        service,
        pods: podsOf(podInformer, service),
        zones: zonesOf(nodeInformer),
        slices: sliceInformer.byIndex("service", key),
      });
      for (const step of steps) {
        await execute({ client, writes, key, service }, step, signal);
      }
      return {};
    },
  };
}

const endpointsManagedByLabel = "endpoints.kubernetes.io/managed-by";

/** Keeps the older `Endpoints` object of every service that has a selector. */
export function endpointsController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const serviceInformer = informers.of(services);
  const podInformer = informers.of(pods);
  const endpointsInformer = informers.of(endpoints);
  return {
    name: "endpoints-controller",
    workers: 8,
    watches: [
      watches(serviceInformer, ownKey),
      watches(podInformer, (it) => servicesOf(serviceInformer, it), changesEndpoints),
      watches(endpointsInformer, (it) => {
        const service = serviceInformer.get(keyOf(it));
        return service !== undefined && hasSelector(service) ? ownKey(it) : [];
      }),
    ],
    async reconcile(key, signal) {
      const service = serviceInformer.get(key);
      const present = endpointsInformer.get(key);
      if (service === undefined) {
        if (present !== undefined) await deleteEndpoints(client, key, signal);
        return {};
      }
      if (isDeleting(service) || !hasSelector(service)) return {};
      const wanted = endpointsOf(service, podsOf(podInformer, service), present);
      if (present === undefined) await client.create(endpoints, wanted, {}, signal);
      else if (!sameJson(present, wanted)) await client.update(endpoints, wanted, {}, signal);
      return {};
    },
  };
}

function endpointsOf(
  service: Service,
  selected: readonly Pod[],
  present: Endpoints | undefined,
): Endpoints {
  const subsets = endpointSubsets(service, selected);
  const labels = {
    ...service.metadata?.labels,
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [endpointsManagedByLabel]: "endpoint-controller",
  };
  return {
    ...present,
    metadata: {
      namespace: namespaceOf(service),
      name: nameOf(service),
      ...present?.metadata,
      labels,
    },
    subsets: subsets.length === 0 ? undefined : subsets,
  };
}

async function deleteEndpoints(client: Client, key: string, signal: AbortSignal): Promise<void> {
  try {
    await client.delete(endpoints, splitKey(key), {}, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

interface Work {
  readonly client: Client;
  readonly writes: OwnWrites<EndpointSlice>;
  readonly key: string;
  readonly service: Service;
}

async function execute(work: Work, step: SliceStep, signal: AbortSignal): Promise<void> {
  const { client, writes, key, service } = work;
  switch (step.kind) {
    case "create": {
      const metadata = {
        namespace: namespaceOf(service),
        generateName: `${nameOf(service)}-`,
        ownerReferences: [controllerReference(services, service)],
      };
      const slice = withContent({ metadata, addressType: "" }, step.content);
      writes.wrote(key, await client.create(endpointSlices, slice, {}, signal));
      return;
    }
    case "update": {
      const slice = withContent(step.slice, step.content);
      writes.wrote(key, await client.update(endpointSlices, slice, {}, signal));
      return;
    }
    case "delete": {
      await writes.delete(key, step.slice, {}, signal);
      return;
    }
  }
}

function withContent(slice: EndpointSlice, content: SliceContent): EndpointSlice {
  const { addressType, labels, ports } = content;
  return {
    ...slice,
    metadata: { ...slice.metadata, labels },
    addressType,
    endpoints: content.endpoints,
    ports,
  };
}

function hasSelector(service: Service): boolean {
  const { selector = {}, type } = service.spec ?? {};
  return Object.keys(selector).length > 0 && type !== "ExternalName";
}

function podsOf(informer: Informer<Pod>, service: Service): Pod[] {
  const selector = service.spec?.selector ?? {};
  return inNamespace(informer, namespaceOf(service)).filter((it) =>
    matchesLabels(selector, it.metadata?.labels),
  );
}

function servicesOf(informer: Informer<Service>, pod: Pod): readonly string[] {
  return inNamespace(informer, namespaceOf(pod))
    .filter(hasSelector)
    .filter((it) => matchesLabels(it.spec?.selector ?? {}, pod.metadata?.labels))
    .map(keyOf);
}

function changesEndpoints({ previous, current }: Change<Pod>): boolean {
  if (previous === undefined || current === undefined) return true;
  return !sameJson(podView(previous), podView(current)) || uidOf(previous) !== uidOf(current);
}

/** The service of a slice that this controller manages. */
function serviceKeys(slice: EndpointSlice): readonly string[] {
  const { labels = {} } = slice.metadata ?? {};
  const service = labels[serviceNameLabel];
  if (service === undefined || labels[managedByLabel] !== managedBy) return [];
  return [`${namespaceOf(slice)}/${service}`];
}

function zonesOf(informer: Informer<Node>): ReadonlyMap<string, string> {
  const zones = new Map<string, string>();
  for (const node of informer.list()) {
    const zone = node.metadata?.labels?.["topology.kubernetes.io/zone"];
    if (zone !== undefined) zones.set(nameOf(node), zone);
  }
  return zones;
}
