import type { Pod, PodSpec } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Session } from "#cli/connection.ts";
import { networkPolicies, pods, services } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { containerLabel, pausedAnnotation } from "#containers/labels.ts";
import { containerStateOf, hasEnded } from "#containers/state.ts";
import { startGate } from "./create.ts";
import { present } from "#base/present.ts";
import { attachedClass } from "#containers/plan/container.ts";
import { allowPublished, createNames, ensureAttachedClass } from "./objects.ts";
import { removePod } from "./remove.ts";

/**
 * Makes a container run that was created, or has ended: resolves with its pod, another one if it had
 * ended, since pods run once. Its volumes and its address book stay; files that it wrote elsewhere do
 * not.
 */
export async function startContainer(
  session: Session,
  pod: Pod,
  options: { readonly attached: boolean } = { attached: false },
): Promise<Pod> {
  const { client } = session.cluster;
  const { namespace, name = "" } = pod.metadata ?? {};
  if (pod.spec?.schedulingGates?.some((it) => it.name === startGate) === true) {
    const patch = { type: "merge", body: { spec: { schedulingGates: null } } } as const;
    return await client.patch(pods, { namespace, name }, patch, session.signal);
  }
  if (!hasEnded(pod) && containerStateOf(pod).kind !== "failed") return pod;
  if (options.attached) await ensureAttachedClass(session);
  const names = await takeNames(session, pod);
  await removePod(session, pod);
  const again = await client.create(pods, podAgain(pod, options.attached), {}, session.signal);
  if (names.length > 0) {
    await allowPublished(session, again);
    await createNames(session, again, names);
  }
  return again;
}

/** Removes what belongs to the old pod alone, at once, and resolves with its names in the network. */
async function takeNames({ cluster, signal }: Session, pod: Pod): Promise<string[]> {
  const { client, namespace } = cluster;
  const labelSelector = `${containerLabel}=${pod.metadata?.labels?.[containerLabel] ?? ""}`;
  const names: string[] = [];
  for (const kind of [services, networkPolicies] as readonly ResourceOf<KubernetesObject>[]) {
    const { items } = await client.list(kind, { namespace, labelSelector }, signal);
    for (const { metadata } of items) {
      const name = metadata?.name ?? "";
      await client.delete(kind, { namespace, name }, {}, signal);
      if (kind.kind === services.kind) names.push(name);
    }
  }
  return names;
}

/** The same container once more. */
export function podAgain(pod: Pod, attached: boolean): Pod {
  const { namespace, name, labels, annotations } = pod.metadata ?? {};
  // What the old one was given: its node, its end, what its class stands for, that somebody attaches.
  const spec = present<PodSpec>({
    containers: [],
    ...pod.spec,
    nodeName: undefined,
    activeDeadlineSeconds: undefined,
    priority: undefined,
    runtimeClassName: attached ? attachedClass : undefined,
  });
  const kept = Object.fromEntries(
    Object.entries(annotations ?? {}).filter(([key]) => key !== pausedAnnotation),
  );
  return { metadata: present({ namespace, name, labels, annotations: kept }), spec };
}
