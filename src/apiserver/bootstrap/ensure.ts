import { childObject, childString, type JsonObject } from "#api/object.ts";
import type { ObjectSink, ObjectSource } from "#apiserver/contract.ts";
import { rbacGroup } from "#apiserver/auth/rbac/bindings.ts";
import { gatheredRules } from "./aggregation.ts";
import {
  ingressClassObject,
  namespaceObjects,
  placeObjects,
  roleObjects,
  settingObjects,
  storageClassObject,
  type BootstrapObject,
  type BootstrapSettings,
} from "./objects.ts";
import { reconciled, replaced } from "./plan.ts";

/** Top-level fields that the server keeps as it needs them, by resource. */
const keptParts = new Map([
  ["services", ["spec"]],
  ["endpoints", ["subsets"]],
  ["endpointslices", ["endpoints", "ports"]],
  ["configmaps", ["data"]],
]);

/**
 * Makes the objects that every cluster has, and brings the roles and the server's own address up to
 * date. Writes nothing when all is in place, which a restart finds out from memory.
 */
export async function ensureBootstrapObjects(
  objects: ObjectSource,
  sink: ObjectSink,
  settings: BootstrapSettings,
  signal: AbortSignal,
): Promise<void> {
  // Together, so that the writes share their way to the disk; namespaces first.
  // An administrator who replaced the class by another one keeps it so.
  const classes = [storageClassObject(), ingressClassObject()].filter(
    ({ resource, group }) => objects.list(resource, group).length === 0,
  );
  for (const batch of [
    namespaceObjects(),
    [...roleObjects(), ...settingObjects(settings), ...classes, ...placeObjects(settings)],
  ]) {
    await Promise.all(batch.map((it) => ensure(objects, sink, it, signal)));
  }
}

async function ensure(
  objects: ObjectSource,
  sink: ObjectSink,
  wanted: BootstrapObject,
  signal: AbortSignal,
): Promise<void> {
  const { resource, group, object } = wanted;
  const metadata = childObject(object, "metadata");
  const namespace = childString(metadata, "namespace") ?? "";
  const name = childString(metadata, "name") ?? "";
  const existing = objects.get(resource, group, namespace, name);
  if (existing === undefined) {
    await sink.ensure(resource, group, structuredClone(object), signal);
    return;
  }
  if (update(wanted, existing) === undefined) return;
  await sink.change(resource, group, { namespace, name }, (it) => update(wanted, it), signal);
}

function update(wanted: BootstrapObject, existing: JsonObject): JsonObject | undefined {
  if (wanted.group === rbacGroup) return reconciled(existing, wanted.object);
  const parts = keptParts.get(wanted.resource);
  return parts === undefined ? undefined : replaced(existing, wanted.object, parts);
}

/**
 * Keeps the rules of ClusterRoles that gather others (`aggregationRule`), from now until the signal
 * aborts. Several servers may do it at once: they write the same. `failed` hears of writes that did
 * not succeed; the next change of a role tries again.
 */
export async function keepAggregated(
  objects: ObjectSource,
  sink: ObjectSink,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  // In an object: it changes while this function waits.
  const state = { changed: true, wake: (): void => undefined };
  objects.onChange("clusterroles", rbacGroup, () => {
    state.changed = true;
    state.wake();
  });
  signal.addEventListener("abort", () => {
    state.wake();
  });
  while (!signal.aborted) {
    if (!state.changed) {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
      continue;
    }
    state.changed = false;
    await aggregateOnce(objects, sink, signal).catch((error: unknown) => {
      if (!signal.aborted) failed(error);
    });
  }
}

async function aggregateOnce(
  objects: ObjectSource,
  sink: ObjectSink,
  signal: AbortSignal,
): Promise<void> {
  const roles = objects.list("clusterroles", rbacGroup);
  for (const role of roles) {
    if (gatheredRules(role, roles) === undefined) continue;
    const at = { namespace: "", name: childString(childObject(role, "metadata"), "name") ?? "" };
    await sink.change(
      "clusterroles",
      rbacGroup,
      at,
      (current) => {
        const rules = gatheredRules(current, objects.list("clusterroles", rbacGroup));
        return rules === undefined ? undefined : { ...current, rules };
      },
      signal,
    );
  }
}
