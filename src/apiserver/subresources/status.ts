import { methodNotSupported } from "#api/status.ts";
import type { Call } from "#apiserver/call.ts";
import type { ApiResponse } from "#apiserver/http/exchange.ts";
import type { ResourceEndpoint } from "#apiserver/resource-endpoint.ts";

/** `/status`: the same object, of which writes change only the status. */
export async function serveStatus(endpoint: ResourceEndpoint, call: Call): Promise<ApiResponse> {
  switch (call.info.verb) {
    case "get":
      return await endpoint.get(call);
    case "update":
      return await endpoint.update(call, "status");
    case "patch":
      return await endpoint.patch(call, "status");
    default:
      throw methodNotSupported(endpoint.kind.resource, call.info.verb);
  }
}
