import { childList, childObject, isJsonObject, type Json, type JsonObject } from "#api/object.ts";

/** Lists of a container that are joined; those of the pod's spec and metadata follow. */
const containerLists = ["volumeMounts", "env", "envFrom", "ports", "volumeDevices"] as const;
const specLists = ["volumes", "initContainers"] as const;
const metadataLists = ["finalizers", "ownerReferences"] as const;

/**
 * A pod made of two, as Airflow joins a template and what is laid over it (`reconcile_pods` of its
 * pod generator): labels and annotations are united, containers joined by their place in the list,
 * mounts, variables, ports and volumes appended; of everything else `over` wins where it says something.
 */
export function mergePods(base: JsonObject, over: JsonObject): JsonObject {
  return {
    ...base,
    ...over,
    metadata: mergeMetadata(
      childObject(base, "metadata") ?? {},
      childObject(over, "metadata") ?? {},
    ),
    spec: mergeSpecs(childObject(base, "spec") ?? {}, childObject(over, "spec") ?? {}),
  };
}

function mergeMetadata(base: JsonObject, over: JsonObject): JsonObject {
  const merged = overlay(base, over);
  for (const name of ["labels", "annotations"]) {
    const both = { ...childObject(base, name), ...childObject(over, name) };
    if (Object.keys(both).length > 0) merged[name] = both;
  }
  return joined(merged, { base, over }, metadataLists);
}

function mergeSpecs(base: JsonObject, over: JsonObject): JsonObject {
  const merged = joined(overlay(base, over), { base, over }, specLists);
  const [own, others] = [childList(base, "containers"), childList(over, "containers")];
  const containers: Json[] = [];
  for (let at = 0; at < Math.max(own.length, others.length); at += 1) {
    const [first, second] = [objectAt(own, at), objectAt(others, at)];
    containers.push(joined(overlay(first, second), { base: first, over: second }, containerLists));
  }
  if (containers.length > 0) merged["containers"] = containers;
  return merged;
}

function objectAt(list: readonly Json[], at: number): JsonObject {
  const found = list[at];
  return isJsonObject(found) ? found : {};
}

/** What `over` says, and the rest of `base`; null, "" and empty lists and objects say nothing. */
function overlay(base: JsonObject, over: JsonObject): JsonObject {
  const said = Object.entries(over).filter(([, value]) => !isEmpty(value));
  return { ...base, ...Object.fromEntries(said) };
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function joined(
  merged: JsonObject,
  { base, over }: { readonly base: JsonObject; readonly over: JsonObject },
  names: readonly string[],
): JsonObject {
  for (const name of names) {
    const both = [...childList(base, name), ...childList(over, name)];
    if (both.length > 0) merged[name] = both;
  }
  return merged;
}
