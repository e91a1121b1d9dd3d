import { equalJson } from "#api/json-value.ts";
import { isJsonObject, type Json, type JsonObject, type KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import type { Session } from "./connection.ts";
import { readManifests, type ManifestObject } from "./manifests.ts";
import { fullName, objectsNamed } from "./resource-names.ts";

export interface ApplyOptions {
  readonly filename: readonly string[];
  readonly forceConflicts?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Server-side apply of every object, in order; says of each what happened. */
export async function apply(session: Session, options: ApplyOptions): Promise<void> {
  const { io } = session;
  const note = options.dryRun === true ? " (server dry run)" : "";
  for (const manifest of await readManifests(options.filename, io)) {
    const what = await applyOne(session, manifest, options);
    io.out(`${fullName(manifest.resource, manifest.name)} ${what}${note}\n`);
  }
}

async function applyOne(
  { cluster, signal }: Session,
  manifest: ManifestObject,
  options: ApplyOptions,
): Promise<"created" | "configured" | "unchanged"> {
  const { resource, name } = manifest;
  const kind: ResourceOf<KubernetesObject> = resource;
  const at = { namespace: manifest.namespace ?? cluster.namespace, name };
  const before = await cluster.client.get(kind, at, signal).catch((error: unknown) => {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  });
  const after = await cluster.client.patch(
    kind,
    at,
    {
      type: "apply",
      body: manifest.object,
      fieldManager: "gantry",
      force: options.forceConflicts === true,
      dryRun: options.dryRun === true,
    },
    signal,
  );
  if (before === undefined) return "created";
  return equalJson(appliedPart(before), appliedPart(after)) ? "unchanged" : "configured";
}

/** An object without what its controllers write meanwhile, and without who wrote what. */
export function appliedPart(object: KubernetesObject): Json {
  const { metadata, ...rest } = object as JsonObject & KubernetesObject;
  const kept = without((metadata ?? {}) as JsonObject, ["resourceVersion", "managedFields"]);
  const annotations = isJsonObject(kept["annotations"]) ? kept["annotations"] : {};
  // Deployments carry their revision there.
  const shown = without(annotations, ["deployment.kubernetes.io/revision"]);
  return { ...without(rest, ["status"]), metadata: { ...kept, annotations: shown } };
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

export interface DeleteOptions {
  readonly filename?: readonly string[] | undefined;
  readonly gracePeriod?: number | undefined;
}

/** Deletes what files or words name. */
export async function remove(
  session: Session,
  words: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const { cluster, io, signal } = session;
  const manifests =
    options.filename === undefined
      ? objectsNamed(words).map((it) => ({ ...it, namespace: undefined }))
      : await readManifests(options.filename, io);
  const { gracePeriod } = options;
  const how = gracePeriod === undefined ? {} : { gracePeriodSeconds: gracePeriod };
  for (const { resource, name, namespace } of manifests) {
    const at = { namespace: namespace ?? cluster.namespace, name };
    await cluster.client.delete(resource, at, { propagationPolicy: "Background", ...how }, signal);
    io.out(`${fullName(resource, name)} deleted\n`);
  }
}
