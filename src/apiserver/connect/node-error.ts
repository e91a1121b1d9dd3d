import { StatusError } from "#api/status.ts";
import { describeError } from "#base/log.ts";
import { UpgradeRefusedError } from "#streaming/upgrade.ts";
import type { NodeEndpoint } from "./node-endpoint.ts";

/** What a kubelet answered, which speaks plain text, as clients of the API see it. */
export function kubeletRefusal(status: number, text: string): StatusError {
  const message = text.trim();
  if (status === 400) return new StatusError(400, "BadRequest", message);
  if (status === 404) return new StatusError(404, "NotFound", message);
  if (status === 401 || status === 403) {
    const why = `the node's agent refused the API server: ${message}; both must use certificates of one authority`;
    return new StatusError(502, "InternalError", why);
  }
  if (status === 500)
    return new StatusError(500, "InternalError", `Internal error occurred: ${message}`);
  return new StatusError(status, "", message);
}

/** A failure on the way to a node. Statuses pass; an abort is told as what it is. */
export function nodeFailure(node: NodeEndpoint, error: unknown): unknown {
  if (error instanceof StatusError) return error;
  if (error instanceof UpgradeRefusedError) return kubeletRefusal(error.statusCode, error.body);
  const place = `node ${node.name} at ${node.address}:${node.port}`;
  const message = `error dialing backend: ${place}: ${describeError(error)}; ${remedyFor(error)}`;
  return new StatusError(502, "InternalError", message, { cause: error });
}

function remedyFor(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ECONNREFUSED") return "start the node's agent";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT") {
    return "check the network between the API server and the node";
  }
  if (code.startsWith("ERR_TLS") || code.includes("CERT") || code.includes("SIGNATURE")) {
    return "the certificate must be of the cluster's authority and name the node or its address";
  }
  return "see the log of the node's agent";
}
