import { isDeepStrictEqual } from "node:util";
import { childObject, childString, type JsonObject } from "#api/object.ts";
import type {
  AdmissionRequest,
  AdmissionRule,
  Attributes,
  Authorizer,
  UserInfo,
} from "#apiserver/contract.ts";
import { mastersGroup } from "#apiserver/auth/users.ts";
import { refuse } from "./request.ts";

const group = "certificates.k8s.io";
const clientSigner = "kubernetes.io/kube-apiserver-client";

/** Reads who a PEM signing request wants to be. @throws {Error} when it does not parse. */
export type ReadCertificateRequest = (
  request: string,
) => Promise<{ readonly organizations: readonly string[] }>;

/**
 * Who may approve and sign certificate requests, by signer; and no client certificate for
 * `system:masters`. Upstream: `plugin/pkg/admission/certificates`.
 */
export function certificateRequests(
  authorizer: Authorizer,
  read: ReadCertificateRequest,
): AdmissionRule {
  return {
    name: "CertificateRequests",
    mutate(request) {
      const { resource, operation, subresource, object } = request;
      if (resource.group !== group || resource.plural !== "certificatesigningrequests") return;
      if (operation === "CREATE" && subresource === "") stampRequestor(object, request.user);
    },
    async validate(request) {
      const { resource, operation, subresource } = request;
      if (resource.group !== group || resource.plural !== "certificatesigningrequests") return;
      if (operation === "CREATE" && subresource === "") await checkSubject(request, read);
      if (operation !== "UPDATE") return;
      if (subresource === "approval") checkSigner(request, "approve", authorizer);
      if (subresource === "status" && signs(request)) checkSigner(request, "sign", authorizer);
    },
  };
}

/**
 * Who asks is what approval rests on: the server says it, whatever the object says. Upstream:
 * `pkg/registry/certificates/certificates/strategy.go`.
 */
function stampRequestor(object: JsonObject | undefined, user: UserInfo): void {
  const spec = childObject(object, "spec");
  if (object === undefined || spec === undefined) return;
  const ofServer = ["username", "uid", "groups", "extra"];
  const asked = Object.entries(spec).filter(([key]) => !ofServer.includes(key));
  const extra = Object.fromEntries(Object.entries(user.extra).map(([key, it]) => [key, [...it]]));
  object["spec"] = {
    ...Object.fromEntries(asked),
    username: user.name,
    ...(user.uid === "" ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

async function checkSubject(
  request: AdmissionRequest,
  read: ReadCertificateRequest,
): Promise<void> {
  const spec = childObject(request.object, "spec");
  if (childString(spec, "signerName") !== clientSigner) return;
  const text = Buffer.from(childString(spec, "request") ?? "", "base64").toString();
  let organizations: readonly string[];
  try {
    ({ organizations } = await read(text));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refuse(request, `failed to parse CSR: ${why}`);
  }
  if (organizations.includes(mastersGroup)) {
    throw refuse(request, `use of ${clientSigner} signer with system:masters group is not allowed`);
  }
}

/** A change of status is a signature when it sets the certificate or a condition. */
function signs({ object, previous }: AdmissionRequest): boolean {
  const [next, before] = [childObject(object, "status"), childObject(previous, "status")];
  return (
    next?.["certificate"] !== before?.["certificate"] ||
    !isDeepStrictEqual(next?.["conditions"], before?.["conditions"])
  );
}

function checkSigner(
  request: AdmissionRequest,
  verb: "approve" | "sign",
  authorizer: Authorizer,
): void {
  // The stored object counts: the sent one may name another signer.
  const signer = childString(childObject(request.previous, "spec"), "signerName") ?? "";
  const question: Attributes = {
    user: request.user,
    verb,
    group,
    version: "*",
    resource: "signers",
    subresource: "",
    namespace: "",
    name: signer,
    path: "",
  };
  const domain = `${signer.split("/")[0] ?? ""}/*`;
  if (authorizer.authorize(question).allowed) return;
  if (authorizer.authorize({ ...question, name: domain }).allowed) return;
  const why = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`;
  throw refuse(request, why);
}
