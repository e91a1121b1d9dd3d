import { childObject, childString, type JsonObject } from "#api/object.ts";
import { badRequest } from "#api/status.ts";
import { chooseContainer } from "./container.ts";

/** The kubelet's path for exec, attach and port-forward; upstream `streamLocation`. @throws {StatusError} */
export function streamPath(pod: JsonObject, subresource: string, query: URLSearchParams): string {
  const { namespace, name } = namesOf(pod);
  const base = `/${subresource === "portforward" ? "portForward" : subresource}/${namespace}/${name}`;
  const params = new URLSearchParams();
  if (subresource === "portforward") {
    const ports = query.getAll("ports");
    if (ports.length > 0) params.set("port", ports.join(","));
    return withQuery(base, params);
  }
  const container = chooseContainer(pod, query.get("container"));
  for (const [asked, sent] of streamParameters) {
    if (isSet(query.get(asked))) params.set(sent, "1");
  }
  if (subresource === "exec") {
    for (const it of query.getAll("command")) params.append("command", it);
  }
  return withQuery(`${base}/${encodeURIComponent(container)}`, params);
}

/** The kubelet's path for a log. @throws {StatusError} for a container that is not the pod's. */
export function logPath(pod: JsonObject, query: URLSearchParams, params: URLSearchParams): string {
  const { namespace, name } = namesOf(pod);
  const container = chooseContainer(pod, query.get("container"));
  return withQuery(`/containerLogs/${namespace}/${name}/${encodeURIComponent(container)}`, params);
}

/** The node that the pod is bound to; undefined before. */
export function nodeNameOf(pod: JsonObject): string | undefined {
  const name = childString(childObject(pod, "spec"), "nodeName");
  return name === "" ? undefined : name;
}

export function unassigned(pod: JsonObject): Error {
  return badRequest(`pod ${namesOf(pod).name} does not have a host assigned`);
}

/** The public API's names, and those that kubelets understand. */
const streamParameters = [
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
] as const;

function isSet(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== "false" && text !== "0";
}

function namesOf(pod: JsonObject): { readonly namespace: string; readonly name: string } {
  const metadata = childObject(pod, "metadata");
  return {
    namespace: childString(metadata, "namespace") ?? "",
    name: childString(metadata, "name") ?? "",
  };
}

function withQuery(path: string, params: URLSearchParams): string {
  return params.size === 0 ? path : `${path}?${params.toString()}`;
}
