import type { CertificateSigningRequest, Node } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";

/** What a PEM signing request asks for, as the signing port reads it. */
export interface RequestContent {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
}

/** What is signed, whatever else the request says. */
export interface SigningProfile extends RequestContent {
  readonly usages: readonly ("server auth" | "client auth")[];
  readonly lifetimeMs: number;
}

export type SigningStep =
  /** Nothing, until the request or a node changes. */
  | { readonly kind: "none" }
  /** Approve when the requestor may create this subresource of signing requests. */
  | {
      readonly kind: "approve-if";
      readonly subresource: "nodeclient" | "selfnodeclient";
      readonly message: string;
    }
  | { readonly kind: "approve"; readonly message: string }
  | { readonly kind: "sign"; readonly profile: SigningProfile }
  | { readonly kind: "fail"; readonly message: string };

export const signers = {
  client: "kubernetes.io/kube-apiserver-client",
  nodeClient: "kubernetes.io/kube-apiserver-client-kubelet",
  nodeServing: "kubernetes.io/kubelet-serving",
} as const;

const nodePrefix = "system:node:";
const nodesGroup = "system:nodes";
const yearMs = 365 * 24 * 3_600_000;
const shortestMs = 600_000;

/**
 * The next step for a request. `node` is the object of the node that asks, undefined when there is
 * none. Upstream: `pkg/controller/certificates/{approver,signer}`, except that serving certificates
 * of nodes are approved too, for the addresses that the node's own object shows.
 */
export function planSigning(
  request: CertificateSigningRequest,
  content: RequestContent,
  node: Node | undefined,
): SigningStep {
  const { signerName } = request.spec;
  const isOurs = Object.values<string>(signers).includes(signerName);
  if (!isOurs || isFinished(request)) return { kind: "none" };
  const fault = faultOf(request, content);
  if (isApproved(request)) {
    return fault === undefined
      ? { kind: "sign", profile: profileOf(request, content) }
      : { kind: "fail", message: fault };
  }
  if (fault !== undefined) return { kind: "none" };
  if (signerName === signers.nodeClient) return clientApproval(request, content);
  if (signerName === signers.nodeServing) return servingApproval(request, content, node);
  return { kind: "none" };
}

function clientApproval(
  { spec }: CertificateSigningRequest,
  { commonName }: RequestContent,
): SigningStep {
  return spec.username === commonName
    ? {
        kind: "approve-if",
        subresource: "selfnodeclient",
        message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
      }
    : {
        kind: "approve-if",
        subresource: "nodeclient",
        message: "Auto approving kubelet client certificate after SubjectAccessReview.",
      };
}

function servingApproval(
  { spec }: CertificateSigningRequest,
  { commonName, hosts }: RequestContent,
  node: Node | undefined,
): SigningStep {
  const isSelf = spec.username === commonName && (spec.groups ?? []).includes(nodesGroup);
  if (!isSelf || node === undefined) return { kind: "none" };
  const own = new Set((node.status?.addresses ?? []).map((it) => it.address));
  const name = node.metadata?.name ?? "";
  // Names are claimed by nobody else; of a name that the node reports only its own counts.
  const isOwn = (host: string): boolean =>
    host === name || (own.has(host) && /^[0-9.]+$|:/.test(host));
  if (!hosts.every(isOwn)) return { kind: "none" };
  return { kind: "approve", message: "The node asks for its own name and addresses." };
}

/** Why this signer cannot sign the request; undefined when it can. */
function faultOf(request: CertificateSigningRequest, content: RequestContent): string | undefined {
  const { signerName, usages = [] } = request.spec;
  const needed = signerName === signers.nodeServing ? "server auth" : "client auth";
  const allowed = [needed, "digital signature", "key encipherment"];
  const badUsage = usages.find((it) => !allowed.includes(it));
  if (badUsage !== undefined) return `usage '${badUsage}' is not allowed by this signer`;
  if (!usages.includes(needed)) return `usages did not include '${needed}'`;
  if (signerName === signers.client) {
    return content.organizations.includes("system:masters")
      ? "the organization 'system:masters' is not allowed"
      : undefined;
  }
  if (!usages.includes("digital signature")) return "usages did not include 'digital signature'";
  if (content.organizations.join() !== nodesGroup) {
    return `subject organization is not ${nodesGroup}`;
  }
  if (nodeNameOf(content.commonName) === undefined) {
    return `subject common name does not begin with ${nodePrefix}`;
  }
  if (signerName === signers.nodeClient) {
    return content.hosts.length > 0 ? "DNS and IP subjectAltNames are not allowed" : undefined;
  }
  return content.hosts.length === 0 ? "DNS or IP subjectAltName is required" : undefined;
}

/** `n` of `system:node:n`; undefined for other subjects. */
export function nodeNameOf(commonName: string): string | undefined {
  const name = commonName.startsWith(nodePrefix) ? commonName.slice(nodePrefix.length) : "";
  return name === "" ? undefined : name;
}

function profileOf({ spec }: CertificateSigningRequest, content: RequestContent): SigningProfile {
  const { commonName, organizations, hosts } = content;
  const seconds = spec.expirationSeconds;
  return {
    commonName,
    organizations,
    hosts,
    usages: [spec.signerName === signers.nodeServing ? "server auth" : "client auth"],
    lifetimeMs:
      seconds === undefined ? yearMs : Math.max(shortestMs, Math.min(seconds * 1_000, yearMs)),
  };
}

function has(request: CertificateSigningRequest, type: string): boolean {
  return (request.status?.conditions ?? []).some((it) => it.type === type);
}

function isApproved(request: CertificateSigningRequest): boolean {
  return has(request, "Approved");
}

function isFinished(request: CertificateSigningRequest): boolean {
  const certificate = request.status?.certificate ?? "";
  return certificate !== "" || has(request, "Denied") || has(request, "Failed");
}

const hourMs = 3_600_000;

/**
 * When the request may be deleted, in milliseconds since the epoch: an hour after it was decided,
 * a day after it was made. Upstream: `pkg/controller/certificates/cleaner`.
 */
export function deletionTime(request: CertificateSigningRequest): number {
  const madeAt = parseTime(request.metadata?.creationTimestamp ?? "") ?? 0;
  const decided = (request.status?.conditions ?? [])
    .filter((it) => ["Approved", "Denied", "Failed"].includes(it.type))
    .map((it) => parseTime(it.lastUpdateTime ?? "") ?? madeAt);
  // An approved request that nobody signs is pending still.
  if (decided.length === 0 || !isFinished(request)) return madeAt + 24 * hourMs;
  return Math.max(...decided) + hourMs;
}
