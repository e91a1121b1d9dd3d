import type { TLSSocket } from "node:tls";
import { certificateSubject } from "#pki/subject.ts";

/** The name under which the API server calls kubelets. */
export const apiServerClientName = "kube-apiserver-kubelet-client";
/** Members may do everything. */
const administrators = "system:masters";

/** Why a caller is turned away. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly text: string;
}

/**
 * Who may call a kubelet: holders of a certificate of the cluster's authority that names the API
 * server or an administrator. Undefined: the caller may.
 */
export function refuseClient(socket: TLSSocket): Refusal | undefined {
  const certificate = socket.getPeerCertificate();
  const isPresent = Object.keys(certificate).length > 0;
  if (!isPresent || !socket.authorized) return { status: 401, text: "Unauthorized" };
  // node:tls types the subject narrower than it is: repeated attributes come as a list.
  const { subject }: { subject: Readonly<Record<string, string | readonly string[] | undefined>> } =
    { subject: { ...certificate.subject } };
  return refuseSubject(subject);
}

function refuseSubject(
  peer: Readonly<Record<string, string | readonly string[] | undefined>>,
): Refusal | undefined {
  const subject = certificateSubject(peer);
  if (subject === undefined) return { status: 401, text: "Unauthorized" };
  const { commonName, organizations } = subject;
  if (commonName === apiServerClientName || organizations.includes(administrators)) {
    return undefined;
  }
  return {
    status: 403,
    text: `Forbidden (user=${commonName}): only ${apiServerClientName} and members of ${administrators} may call the kubelet`,
  };
}
