import type { ResourceQuota } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Amounts } from "#api/quota/amounts.ts";
import type { Measure } from "#api/quota/measure.ts";
import { measureOf, needsObjects } from "#api/quota/measures.ts";
import type { Resource } from "#api/resource.ts";
import { isStatus } from "#api/status.ts";
import type { Change } from "#client/cache.ts";
import type { Informer } from "#client/informer.ts";
import {
  persistentVolumeClaims,
  pods,
  resourceClaims,
  resourceQuotas,
  services,
} from "#client/kinds.ts";
import { isDeleting, keyOf, namespaceOf } from "#client/object-key.ts";
import { collectedResources, ownershipInformer } from "#controllers/garbage/ownership-informer.ts";
import { inNamespace } from "#controllers/pods/indexes.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { watches, type Controller, type ControllerWatch } from "#reconcile/controller.ts";
import { claimFrees, isGone, podFrees, serviceFrees } from "./changes.ts";
import { isCounted, isSettled, planQuota, waitBeforeCounting } from "./plan.ts";

/** How often each quota is counted again, whatever happened; as upstream. */
const resyncMs = 5 * 60_000;
/** What was made just before the last count may have been seen only after it. */
const confirmMs = 1_000;

/** One kind that quotas may count. */
interface Kind {
  readonly measure: Measure;
  readonly watch: ControllerWatch;
  objectsIn(namespace: string): readonly KubernetesObject[];
}

/**
 * Counts what quotas limit: at first, when something is gone, a moment after a count that found
 * something new, and from time to time.
 */
export function resourceQuotaController(ports: ControllerPorts): Controller {
  const { client, clock, informers } = ports;
  const quotas = informers.of(resourceQuotas);
  const activity = new Activity();
  const now = (): number => clock.monotonic();
  const kinds = kindsOf(ports, quotas);
  return {
    name: "resourcequota-controller",
    workers: 5,
    watches: [watchQuotas(quotas, activity, now), ...kinds.map((it) => it.watch)],
    async reconcile(key, signal) {
      const quota = quotas.get(key);
      if (quota === undefined) return {};
      if (isSettled(quota)) {
        const afterMs = activity.waitBeforeCounting(key, now());
        if (afterMs > 0) return { afterMs };
      }
      activity.counted(key);
      const contents = kinds
        .filter(({ measure }) => isCounted(quota, measure))
        .map((it) => ({ measure: it.measure, objects: it.objectsIn(namespaceOf(quota)) }));
      const status = planQuota(quota, contents, clock.now());
      if (status === undefined) return { afterMs: resyncMs };
      // With its version: what was charged meanwhile must be seen first.
      await unlessGone(client.updateStatus(resourceQuotas, { ...quota, status }, signal));
      return { afterMs: confirmMs };
    },
  };
}

/** A quota that was deleted meanwhile needs no status. */
async function unlessGone(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

/** When quotas changed last, and since when they are to be counted. */
class Activity {
  readonly #changed = new Map<string, number>();
  readonly #waiting = new Map<string, number>();

  changed(key: string, nowMs: number): void {
    this.#changed.set(key, nowMs);
  }

  waitBeforeCounting(key: string, nowMs: number): number {
    const since = this.#waiting.get(key) ?? nowMs;
    this.#waiting.set(key, since);
    return waitBeforeCounting(this.#changed.get(key), since, nowMs);
  }

  counted(key: string): void {
    this.#waiting.delete(key);
  }

  gone(key: string): void {
    this.#changed.delete(key);
    this.#waiting.delete(key);
  }
}

/** New quotas, and those whose status is not about what they say, are counted at once. */
function watchQuotas(
  quotas: Informer<ResourceQuota>,
  activity: Activity,
  now: () => number,
): ControllerWatch {
  return {
    synced: (signal) => quotas.synced(signal),
    subscribe: (add) =>
      quotas.subscribe(({ key, previous, current }) => {
        if (current === undefined) activity.gone(key);
        else {
          activity.changed(key, now());
          if (previous === undefined || !isComplete(current)) add(key);
        }
      }),
  };
}

function isComplete(quota: ResourceQuota): boolean {
  const names = Object.keys(quota.status?.hard ?? {});
  return isSettled(quota) && names.every((it) => quota.status?.used?.[it] !== undefined);
}

function kindsOf(ports: ControllerPorts, quotas: Informer<ResourceQuota>): Kind[] {
  const { informers, clock } = ports;
  const kind = <T extends KubernetesObject>(
    resource: Resource,
    informer: Informer<T>,
    concerns: (change: Change<T>) => boolean,
  ): Kind[] => {
    const found = measureOf(resource);
    if (found === undefined) return [];
    const measure = remembering(found);
    const counting = (it: KubernetesObject): string[] =>
      inNamespace(quotas, namespaceOf(it))
        .filter((quota) => isCounted(quota, measure))
        .map(keyOf);
    // Most namespaces have none, and pods change all the time.
    const hasQuotas = ({ previous, current }: Change<T>): boolean =>
      inNamespace(quotas, namespaceOf(current ?? previous ?? {})).length > 0;
    const watch = watches(informer, counting, (it) => hasQuotas(it) && concerns(it));
    return [{ measure, watch, objectsIn: (namespace) => inNamespace(informer, namespace) }];
  };
  return [
    ...kind(pods, informers.of(pods), (it) => podFrees(it, clock.now())),
    ...kind(services, informers.of(services), serviceFrees),
    ...kind(persistentVolumeClaims, informers.of(persistentVolumeClaims), claimFrees),
    ...kind(resourceClaims, informers.of(resourceClaims), isGone),
    ...collectedResources
      .filter((it) => it.namespaced && !needsObjects(it))
      .flatMap((it) => kind(it, ownershipInformer(informers, it), isGone)),
  ];
}

/**
 * Measures each object once, as long as it does not change: a quota is counted whenever one of
 * thousands is gone. What is on its way out is measured by the time.
 */
function remembering(measure: Measure): Measure {
  const known = new WeakMap<KubernetesObject, Amounts>();
  return {
    ...measure,
    usage(object, nowMs) {
      if (isDeleting(object)) return measure.usage(object, nowMs);
      const usage = known.get(object) ?? measure.usage(object, nowMs);
      known.set(object, usage);
      return usage;
    },
  };
}
