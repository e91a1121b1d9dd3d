import type { NetworkPolicy, Pod, RuntimeClass, Service } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { objectName } from "#api/names.ts";
import { isStatus } from "#api/status.ts";
import type { Session } from "#cli/connection.ts";
import {
  namespaces,
  networkPolicies,
  persistentVolumeClaims,
  runtimeClasses,
  services,
} from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { containerLabel, managedBy, managedByLabel } from "#containers/labels.ts";
import { attachedClass } from "#containers/plan/container.ts";
import { claimOf } from "#containers/plan/volumes.ts";

/** Of `cri/containerd/attach-gate.ts`, on every node. */
const attachedHandler = "attached";

/** True: it was not there. */
export async function createUnlessThere<T extends KubernetesObject>(
  session: Session,
  resource: ResourceOf<T>,
  object: NoInfer<T>,
): Promise<boolean> {
  try {
    await session.cluster.client.create(resource, object, {}, session.signal);
    return true;
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) return false;
    throw error;
  }
}

export async function ensureNamespace(session: Session): Promise<void> {
  const metadata = {
    name: session.cluster.namespace,
    labels: { [managedByLabel]: managedBy },
  };
  await createUnlessThere(session, namespaces, { metadata });
}

export async function ensureAttachedClass(session: Session): Promise<void> {
  const object: RuntimeClass = { metadata: { name: attachedClass }, handler: attachedHandler };
  await createUnlessThere(session, runtimeClasses, object);
}

/** A volume that is not there is made, as Docker does. */
export async function ensureVolumes(session: Session, names: readonly string[]): Promise<void> {
  const { namespace } = session.cluster;
  for (const name of names) {
    const claim = claimOf(name);
    const metadata = { ...claim.metadata, namespace };
    await createUnlessThere(session, persistentVolumeClaims, { ...claim, metadata });
  }
}

/** What belongs to a container alone goes with its pod. */
export function ownedBy(pod: Pod): NonNullable<Pod["metadata"]> {
  const { name = "", namespace, uid = "", labels } = pod.metadata ?? {};
  return {
    namespace,
    labels: { [managedByLabel]: managedBy, [containerLabel]: labels?.[containerLabel] ?? name },
    ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid }],
  };
}

/** Names in a network of the user's: a headless service each, found from the start on. */
export async function createNames(
  session: Session,
  pod: Pod,
  names: readonly string[],
): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const alias of names) {
    const name = objectName(alias);
    const service: Service = {
      metadata: { ...ownedBy(pod), name },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: { [containerLabel]: pod.metadata?.labels?.[containerLabel] ?? "" },
      },
    };
    if (!(await createUnlessThere(session, services, service))) taken.push(alias);
  }
  return taken;
}

/** Published ports of a container whose network lets in nobody else. */
export async function allowPublished(session: Session, pod: Pod): Promise<void> {
  const ports = (pod.spec?.containers[0]?.ports ?? []).map((it) => ({
    port: it.containerPort,
    protocol: it.protocol ?? "TCP",
  }));
  if (ports.length === 0) return;
  const name = pod.metadata?.name ?? "";
  const policy: NetworkPolicy = {
    metadata: { ...ownedBy(pod), name: `published-${name}`.slice(0, 63) },
    spec: {
      podSelector: { matchLabels: { [containerLabel]: name } },
      policyTypes: ["Ingress"],
      ingress: [{ ports }],
    },
  };
  await createUnlessThere(session, networkPolicies, policy);
}
