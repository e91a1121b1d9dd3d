import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";

/** Where a node's kubelet is reached, and the names its certificate may carry. */
export interface NodeEndpoint {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** kube-apiserver's own order (`--kubelet-preferred-address-types`). */
const addressTypes = ["InternalIP", "Hostname", "InternalDNS", "ExternalDNS", "ExternalIP"];

/** @throws {StatusError} 503 for a node that says no address or has no server. */
export function nodeEndpoint(node: JsonObject): NodeEndpoint {
  const name = childString(childObject(node, "metadata"), "name") ?? "";
  const status = childObject(node, "status");
  const addresses = childList(status, "addresses").filter(isJsonObject);
  const address = addressTypes
    .flatMap((type) => addresses.filter((it) => it["type"] === type))
    .map((it) => childString(it, "address") ?? "")
    .find((it) => it !== "");
  if (address === undefined) {
    throw unreachable(name, "it has reported no address; is its agent running?");
  }
  const port = childObject(childObject(status, "daemonEndpoints"), "kubeletEndpoint")?.["Port"];
  if (typeof port !== "number" || port === 0) {
    throw unreachable(name, "its agent serves no logs and commands; restart the agent");
  }
  return { name, address, port };
}

function unreachable(name: string, why: string): StatusError {
  return new StatusError(503, "ServiceUnavailable", `node ${name} cannot be reached: ${why}`);
}
