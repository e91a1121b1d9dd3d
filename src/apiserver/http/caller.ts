import type { TLSSocket } from "node:tls";
import type { Caller } from "./exchange.ts";

/** What a TLS connection says about its client. Asked once for each connection. */
export function callerOf(socket: TLSSocket): Caller {
  const certificate = socket.getPeerCertificate();
  const address = socket.remoteAddress ?? "";
  // Without a client certificate Node gives an object without fields.
  const presented = Object.keys(certificate).length > 0;
  if (!presented || !socket.authorized) {
    const fault = presented ? String(socket.authorizationError) : undefined;
    return { kind: "connection", certificate: undefined, certificateFault: fault, address };
  }
  const { subject } = certificate;
  return {
    kind: "connection",
    certificate: {
      // Go takes the last of several, and so does every other Kubernetes.
      commonName: listOf(subject.CN).at(-1) ?? "",
      organizations: listOf(subject.O),
    },
    certificateFault: undefined,
    address,
  };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
