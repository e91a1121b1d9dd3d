import type { EndpointSlice } from "#api/gen/types.ts";
import type { Client } from "#client/client.ts";
import { endpoints, endpointSlices, services } from "#client/kinds.ts";
import { namespaceOf, splitKey } from "#client/object-key.ts";
import { managedByLabel, serviceNameLabel } from "#controllers/endpoints/plan.ts";
import { controllerReference } from "#controllers/ownership/claim.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { OwnWrites } from "#reconcile/own-writes.ts";
import { isMirrored, mirroredBy, planMirror, type MirrorContent, type MirrorStep } from "./plan.ts";

/**
 * Keeps EndpointSlices for Endpoints that somebody writes by hand: who routes to a service reads
 * slices only.
 */
export function endpointSliceMirroringController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const serviceInformer = informers.of(services);
  const endpointsInformer = informers.of(endpoints);
  const sliceInformer = informers.of(endpointSlices);
  sliceInformer.addIndex("mirrored", (it) => mirroredKeys(it));
  const writes = new OwnWrites(sliceInformer, ports);
  return {
    name: "endpointslicemirroring-controller",
    workers: 4,
    watches: [
      watches(endpointsInformer, ownKey),
      watches(serviceInformer, ownKey),
      watches(sliceInformer, mirroredKeys),
    ],
    async reconcile(key, signal) {
      await writes.settled(key, signal);
      const present = endpointsInformer.get(key);
      const wanted = isMirrored(present, serviceInformer.get(key)) ? present : undefined;
      const owner = wanted === undefined ? [] : [controllerReference(endpoints, wanted)];
      for (const step of planMirror(wanted, sliceInformer.byIndex("mirrored", key))) {
        await execute({ client, writes, key, owner }, step, signal);
      }
      return {};
    },
  };
}

interface Work {
  readonly client: Client;
  readonly writes: OwnWrites<EndpointSlice>;
  readonly key: string;
  readonly owner: NonNullable<NonNullable<EndpointSlice["metadata"]>["ownerReferences"]>;
}

async function execute(work: Work, step: MirrorStep, signal: AbortSignal): Promise<void> {
  const { client, writes, key, owner } = work;
  switch (step.kind) {
    case "create": {
      const { namespace, name } = splitKey(key);
      const metadata = { namespace, generateName: `${name}-`, ownerReferences: owner };
      const slice = withContent({ metadata, addressType: "" }, step.content);
      writes.wrote(key, await client.create(endpointSlices, slice, {}, signal));
      return;
    }
    case "update": {
      const { slice } = step;
      const metadata = { ...slice.metadata, ownerReferences: owner };
      const next = withContent({ ...slice, metadata }, step.content);
      writes.wrote(key, await client.update(endpointSlices, next, {}, signal));
      return;
    }
    case "delete": {
      await writes.delete(key, step.slice, {}, signal);
      return;
    }
  }
}

function withContent(slice: EndpointSlice, content: MirrorContent): EndpointSlice {
  const { labels, annotations, ...rest } = content;
  return {
    ...slice,
    ...rest,
    metadata: { ...slice.metadata, labels, annotations },
  };
}

/** The Endpoints of a slice that this controller manages; they have the service's name. */
function mirroredKeys(slice: EndpointSlice): readonly string[] {
  const { labels = {} } = slice.metadata ?? {};
  const service = labels[serviceNameLabel];
  if (service === undefined || labels[managedByLabel] !== mirroredBy) return [];
  return [`${namespaceOf(slice)}/${service}`];
}
