import type { Pod, PodDisruptionBudget } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from "#client/kinds.ts";
import { controllerOf, keyOf, namespaceOf } from "#client/object-key.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { inNamespace } from "#controllers/pods/indexes.ts";
import { isFinished } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { planDisruption } from "./plan.ts";

/** Says how many pods each disruption budget lets go at present. */
export function disruptionController({ client, clock, informers }: ControllerPorts): Controller {
  const budgets = informers.of(podDisruptionBudgets);
  const podInformer = informers.of(pods);
  const [deployed, replicated, replicating, stateful] = [
    informers.of(deployments),
    informers.of(replicaSets),
    informers.of(replicationControllers),
    informers.of(statefulSets),
  ];
  const scaled: Scaled = {
    Deployment: (key) => deployed.get(key),
    ReplicaSet: (key) => replicated.get(key),
    ReplicationController: (key) => replicating.get(key),
    StatefulSet: (key) => stateful.get(key),
  };
  const inItsNamespace = (it: KubernetesObject): readonly string[] =>
    inNamespace(budgets, namespaceOf(it)).map(keyOf);
  return {
    name: "disruption-controller",
    workers: 4,
    watches: [
      watches(budgets, ownKey),
      watches(podInformer, (pod) =>
        inNamespace(budgets, namespaceOf(pod))
          .filter((it) => selects(it, pod))
          .map(keyOf),
      ),
      watches(deployed, inItsNamespace, concernsScale),
      watches(replicated, inItsNamespace, concernsScale),
      watches(replicating, inItsNamespace, concernsScale),
      watches(stateful, inItsNamespace, concernsScale),
    ],
    async reconcile(key, signal) {
      const budget = budgets.get(key);
      if (budget === undefined) return {};
      const own = inNamespace(podInformer, namespaceOf(budget)).filter(
        (it) => selects(budget, it) && !isFinished(it),
      );
      const { status, afterMs } = planDisruption(budget, own, scaleOf(own, scaled), clock.now());
      if (!sameJson(status, budget.status)) {
        // With its version: an eviction that has taken from it meanwhile must be seen first.
        await client.updateStatus(podDisruptionBudgets, { ...budget, status }, signal);
      }
      return { afterMs };
    },
  };
}

interface Sized extends KubernetesObject {
  readonly spec?: { readonly replicas?: number | undefined } | undefined;
}

/** Finds a controller by its key, by kind. */
type Scaled = Readonly<Record<string, (key: string) => Sized | undefined>>;

function concernsScale(change: {
  readonly previous?: Sized | undefined;
  readonly current?: Sized | undefined;
}): boolean {
  return change.previous?.spec?.replicas !== change.current?.spec?.replicas;
}

function selects({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  return spec?.selector !== undefined && matchesSelector(spec.selector, pod.metadata?.labels);
}

/** How many pods those who control these want in all; a pod of nobody counts as itself. */
function scaleOf(own: readonly Pod[], scaled: Scaled): number {
  const counted = new Set<string>();
  let total = 0;
  for (const pod of own) {
    const top = topOf(pod, scaled);
    if (top === undefined) total += 1;
    else if (!counted.has(top.uid)) {
      counted.add(top.uid);
      total += top.replicas;
    }
  }
  return total;
}

/** The controller of a pod, or the Deployment of its ReplicaSet. */
function topOf(
  object: KubernetesObject,
  scaled: Scaled,
): { readonly uid: string; readonly replicas: number } | undefined {
  const reference = controllerOf(object);
  if (reference === undefined) return undefined;
  const found = scaled[reference.kind]?.(`${namespaceOf(object)}/${reference.name}`);
  if (found === undefined) return undefined;
  return topOf(found, scaled) ?? { uid: reference.uid, replicas: found.spec?.replicas ?? 1 };
}
