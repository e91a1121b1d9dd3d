import { collectionPath, objectPath, type Resource } from "#api/resource.ts";
import type { Json } from "#api/object.ts";
import { formatYaml } from "#api/yaml.ts";
import type { HttpRequest } from "#client/transport.ts";
import type { Cluster, ClusterOptions, Session } from "./connection.ts";
import { fullName, objectsNamed, resourcesNamed } from "./resource-names.ts";
import { formatWireTable, type WireTable } from "./table.ts";

export interface GetOptions extends ClusterOptions {
  readonly output?: string | undefined;
  readonly selector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly showLabels?: boolean | undefined;
}

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/** `get TYPE [NAME…]`, `get TYPE/NAME…`. @throws {Error} for an output form that is none. */
export async function get(
  { cluster, io, signal }: Session,
  words: readonly string[],
  options: GetOptions,
): Promise<void> {
  const paths = pathsOf(words, cluster.namespace, options);
  const output = options.output ?? "";
  if (!["", "wide", "json", "yaml", "name"].includes(output)) {
    throw new Error(`output '${output}' is none of: wide, json, yaml, name`);
  }
  const isTable = output === "" || output === "wide";
  let shown = 0;
  for (const { resource, path } of paths) {
    const headers = { accept: isTable ? tableType : "application/json" };
    const answer = await read(cluster, { method: "GET", path, headers }, signal);
    if (isTable) {
      const text = formatWireTable(answer as WireTable, {
        wide: output === "wide",
        withNamespace: options.allNamespaces === true && resource.namespaced,
        withLabels: options.showLabels === true,
      });
      if (text === undefined) continue;
      if (shown > 0) io.out("\n");
      io.out(text);
    } else {
      io.out(format(resource, answer, output));
    }
    shown += 1;
  }
  if (shown === 0) {
    const where = options.allNamespaces === true ? "" : ` in ${cluster.namespace} namespace`;
    io.err(`No resources found${where}.\n`);
  }
}

interface ReadPath {
  readonly resource: Resource;
  readonly path: string;
}

function pathsOf(words: readonly string[], namespace: string, options: GetOptions): ReadPath[] {
  const [first = ""] = words;
  if (words.length > 1 || first.includes("/")) {
    return objectsNamed(words).map(({ resource, name }) => ({
      resource,
      path: objectPath(resource, namespace, name),
    }));
  }
  const query = new URLSearchParams();
  if (options.selector !== undefined) query.set("labelSelector", options.selector);
  if (options.fieldSelector !== undefined) query.set("fieldSelector", options.fieldSelector);
  const text = query.size === 0 ? "" : `?${query.toString()}`;
  const scope = options.allNamespaces === true ? undefined : namespace;
  return resourcesNamed(first).map((resource) => ({
    resource,
    path: `${collectionPath(resource, scope)}${text}`,
  }));
}

/** The JSON answer of a read. @throws {StatusError} */
export async function read(
  cluster: Cluster,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await cluster.client.raw(request, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
}

function format(resource: Resource, answer: unknown, output: string): string {
  if (output === "json") return `${JSON.stringify(answer, undefined, 4)}\n`;
  if (output === "yaml") return formatYaml(answer as Json);
  const { items, metadata } = answer as {
    items?: readonly { metadata: { name: string } }[];
    metadata: { name?: string };
  };
  const names = items?.map((it) => it.metadata.name) ?? [metadata.name ?? ""];
  return names.map((name) => `${fullName(resource, name)}\n`).join("");
}
