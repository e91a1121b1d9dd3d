import { isIP } from "node:net";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { badRequest, StatusError } from "#api/status.ts";

/** `name`, `name:port` or `https:name:port`, as proxied objects are named in paths. */
export interface ProxyName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** A number or a name; empty for the first one that there is. */
  readonly port: string;
}

/** An address to which a request is carried on. */
export interface ProxyTarget {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
}

/** @throws {StatusError} 400 for a name that is none of the three forms. */
export function parseProxyName(text: string, kind: string): ProxyName {
  const parts = text.split(":");
  const [scheme, name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
  const isKnown = scheme === "" || scheme === "http" || scheme === "https";
  if (!isKnown || name === "" || parts.length > 3) {
    throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === "https" ? "https" : "http", name, port };
}

/** @throws {StatusError} 400 when the pod has no address that may be reached, or no such port. */
export function podTarget(pod: JsonObject, { scheme, name, port }: ProxyName): ProxyTarget {
  const host = childString(childObject(pod, "status"), "podIP") ?? "";
  if (!mayReach(host)) throw badRequest("address not allowed");
  const ports = childList(childObject(pod, "spec"), "containers")
    .filter(isJsonObject)
    .flatMap((it) => childList(it, "ports").filter(isJsonObject));
  if (/^\d+$/.test(port)) return { scheme, host, port: Number(port) };
  const found = port === "" ? ports[0] : ports.find((it) => it["name"] === port);
  if (found === undefined && port !== "") throw badRequest(`pod ${name} has no port named ${port}`);
  const number = found?.["containerPort"];
  return { scheme, host, port: typeof number === "number" ? number : defaultPort(scheme) };
}

/**
 * A ready endpoint of a service; `chance` in [0, 1) chooses among them. The words are upstream's
 * (`pkg/registry/core/service/storage`). @throws {StatusError} 503 when there is none.
 */
export function serviceTarget(
  service: JsonObject,
  slices: readonly JsonObject[],
  asked: ProxyName,
  chance: number,
): ProxyTarget {
  const port = portNameOf(service, asked);
  const candidates = slices.flatMap((slice) => addressesOf(slice, port));
  const chosen = candidates[Math.floor(chance * candidates.length)];
  if (chosen === undefined) {
    throw unavailable(`no endpoints available for service ${JSON.stringify(asked.name)}`);
  }
  return { scheme: asked.scheme, ...chosen };
}

/** The name by which the service's slices know the port that was asked for. */
function portNameOf(service: JsonObject, { name, port }: ProxyName): string {
  const ports = childList(childObject(service, "spec"), "ports").filter(isJsonObject);
  if (port === "") {
    const [only] = ports;
    return ports.length === 1 ? (childString(only, "name") ?? "") : "";
  }
  const found = ports.find((it) => it["port"] === Number(port) || it["name"] === port);
  if (found === undefined) {
    throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  return childString(found, "name") ?? "";
}

function addressesOf(
  slice: JsonObject,
  portName: string,
): { readonly host: string; readonly port: number }[] {
  const port = childList(slice, "ports")
    .filter(isJsonObject)
    .find((it) => (childString(it, "name") ?? "") === portName)?.["port"];
  if (typeof port !== "number") return [];
  return childList(slice, "endpoints")
    .filter(isJsonObject)
    .filter((it) => childObject(it, "conditions")?.["ready"] !== false)
    .flatMap((it) => childList(it, "addresses").slice(0, 1))
    .filter((it) => typeof it === "string")
    .filter(mayReach)
    .map((host) => ({ host, port }));
}

function defaultPort(scheme: "http" | "https"): number {
  return scheme === "https" ? 443 : 80;
}

/** Addresses of the API server's own machine and link are nobody's to reach through it. */
function mayReach(address: string): boolean {
  if (isIP(address) === 4) {
    const [first = 0, second = 0] = address.split(".").map(Number);
    const isLinkLocal = first === 169 && second === 254;
    return first !== 0 && first !== 127 && first < 224 && !isLinkLocal;
  }
  const text = address.toLowerCase();
  if (isIP(address) !== 6) return false;
  return (
    text !== "::" && text !== "::1" && !/^(fe[89ab]|ff)/.test(text) && !text.startsWith("::ffff:")
  );
}

function unavailable(message: string): StatusError {
  return new StatusError(503, "ServiceUnavailable", message);
}
