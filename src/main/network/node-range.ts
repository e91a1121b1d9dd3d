import type { Node } from "#api/gen/types.ts";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import type { ObjectSink, ObjectSource } from "#apiserver/contract.ts";
import type { Informers } from "#client/informers.ts";
import { nodes } from "#client/kinds.ts";
import { nextNodeRange } from "#controllers/nodeipam/plan.ts";
import { podRange } from "./network-plan.ts";

/**
 * The pod addresses of a node that runs beside the API server: those it has, or `wanted`, or else
 * the first that no node has. Its object is made with them, for the runtime cannot start without.
 * @throws {Error} when all ranges are taken.
 */
export async function claimPodCidr(
  { objects, sink }: { readonly objects: ObjectSource; readonly sink: ObjectSink },
  { name, wanted }: { readonly name: string; readonly wanted: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const kept = rangeOf(objects.get("nodes", "", "", name));
  if (kept !== undefined) return kept;
  const taken = objects.list("nodes", "").flatMap((it) => rangeOf(it) ?? []);
  const podCIDR = wanted ?? nextNodeRange({ cluster: podRange, nodePrefix: 24 }, taken);
  if (podCIDR === undefined)
    throw new Error(`no pod addresses of ${podRange} are left: delete nodes`);
  const spec = { podCIDR, podCIDRs: [podCIDR] };
  const labels = { "kubernetes.io/hostname": name };
  const made = { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec };
  if (await sink.ensure("nodes", "", made, signal)) return podCIDR;
  const add = (it: JsonObject): JsonObject | undefined =>
    rangeOf(it) === undefined
      ? { ...it, spec: { ...childObject(it, "spec"), ...spec } }
      : undefined;
  await sink.change("nodes", "", { namespace: "", name }, add, signal);
  return rangeOf(objects.get("nodes", "", "", name)) ?? podCIDR;
}

function rangeOf(node: JsonObject | undefined): string | undefined {
  const range = childString(childObject(node, "spec"), "podCIDR");
  return range === "" ? undefined : range;
}

/** The pod addresses that the control plane gives to this node, whose object must be there. */
export async function awaitPodCidr(
  informers: Informers,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const informer = informers.of(nodes, { fieldSelector: `metadata.name=${name}` });
  const found = Promise.withResolvers<string>();
  const look = (node: Node | undefined): void => {
    const range = node?.spec?.podCIDR ?? "";
    if (range !== "") found.resolve(range);
  };
  const unsubscribe = informer.subscribe(({ current }) => {
    look(current);
  });
  const aborted = (): void => {
    found.reject(signal.reason as Error);
  };
  signal.addEventListener("abort", aborted, { once: true });
  try {
    signal.throwIfAborted();
    look(informer.get(name));
    return await found.promise;
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", aborted);
  }
}
