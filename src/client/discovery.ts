import type { KubernetesObject } from "#api/object.ts";
import type { Verb } from "#api/resource.ts";
import type { Client } from "./client.ts";
import type { ResourceOf } from "./resource-of.ts";

/** An entry of an `APIResourceList`. */
interface Entry {
  readonly name: string;
  readonly singularName?: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
}

/**
 * The resource of a kind as the server tells it, custom ones too.
 * @throws {Error} when the server has no such kind. @throws {StatusError} when it cannot be asked.
 */
export async function findResource(
  client: Client,
  apiVersion: string,
  kind: string,
  signal: AbortSignal,
): Promise<ResourceOf<KubernetesObject>> {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const path = group === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const headers = { accept: "application/json" };
  const response = await client.raw({ method: "GET", path, headers }, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const list = JSON.parse(Buffer.concat(chunks).toString()) as { resources?: readonly Entry[] };
  const found = list.resources?.find((it) => it.kind === kind && !it.name.includes("/"));
  if (found === undefined) throw new Error(`no kind '${kind}' in version '${apiVersion}'`);
  const own = { group: group ?? "", version: version ?? "" };
  return {
    ...own,
    kind,
    plural: found.name,
    singular: found.singularName ?? kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: found.namespaced,
    verbs: found.verbs,
    subresources: [],
    type: "",
    selectableFields: [],
    storageKey: "",
    storageVersion: own,
  };
}
