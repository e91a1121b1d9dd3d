import { isIP } from "node:net";
import { headerOf, type ApiRequest } from "#apiserver/http/exchange.ts";

/** Addresses of a request that are kept; a client may send as many as fit into a header. */
const addressesMax = 20;

/**
 * Where a request came from: what proxies say, then who is connected. All but the last can be anything
 * that the client likes. None for the parts of this process.
 * Upstream: apimachinery `pkg/util/net`, `SourceIPs`.
 */
export function sourceIPsOf(request: Pick<ApiRequest, "headers" | "caller">): string[] {
  const remote = request.caller.kind === "connection" ? plain(request.caller.address) : "";
  const forwarded = (headerOf(request, "x-forwarded-for") ?? "").split(",").map((it) => it.trim());
  const found = forwarded.filter((it) => isIP(it) !== 0).slice(0, addressesMax);
  const real = (headerOf(request, "x-real-ip") ?? "").trim();
  if (isIP(real) !== 0 && !found.includes(real)) found.push(real);
  if (remote !== "" && found.at(-1) !== remote) found.push(remote);
  return found;
}

/** An IPv4 address as a socket for both families tells it. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}
