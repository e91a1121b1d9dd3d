import type { CertificateSigningRequest } from "#api/gen/types.ts";
import { isStatus, StatusError } from "#api/status.ts";
import type { Client } from "#client/client.ts";
import { certificateSigningRequests } from "#client/kinds.ts";
import { nameOf } from "#client/object-key.ts";
import type { CertificatePair } from "#pki/files.ts";

export interface CertificateWish {
  readonly signerName: string;
  readonly nodeName: string;
  /** DNS names and IP addresses; none for a client. */
  readonly hosts: readonly string[];
  readonly usage: "client auth" | "server auth";
}

/**
 * Makes a key and asks the cluster for its certificate; waits until it is signed.
 * @throws {Error} when the request is refused, denied or removed.
 */
export async function requestCertificate(
  client: Client,
  wish: CertificateWish,
  signal: AbortSignal,
): Promise<CertificatePair> {
  const { signerName, nodeName, hosts, usage } = wish;
  const { makeRequest } = await import("#pki/issue.ts");
  const subject = { commonName: `system:node:${nodeName}`, organizations: ["system:nodes"] };
  const { request, key } = await makeRequest({ ...subject, hosts });
  const object = {
    metadata: { generateName: "node-csr-" },
    spec: {
      request: Buffer.from(request).toString("base64"),
      signerName,
      usages: [usage, "digital signature"],
    },
  };
  const made = await client
    .create(certificateSigningRequests, object, {}, signal)
    .catch((error: unknown) => {
      throw explained(error);
    });
  return { certificate: await signed(client, made, signal), key };
}

function explained(error: unknown): unknown {
  if (!(error instanceof StatusError) || error.code !== 401) return error;
  const message =
    "the server does not accept the token: it is wrong, or older than a day. gantry token create, run on the server's host, makes a new one";
  return new Error(message, { cause: error });
}

async function signed(
  client: Client,
  made: CertificateSigningRequest,
  signal: AbortSignal,
): Promise<string> {
  let current = made;
  const name = nameOf(made);
  for (;;) {
    const certificate = outcome(current);
    if (certificate !== undefined) return certificate;
    const { resourceVersion } = current.metadata ?? {};
    const options = { fieldSelector: `metadata.name=${name}`, resourceVersion };
    const changed = await nextChange(client, options, signal);
    current = changed ?? (await client.get(certificateSigningRequests, { name }, signal));
  }
}

/** The next state; undefined when the watch ended before there was one. */
async function nextChange(
  client: Client,
  options: { readonly fieldSelector: string; readonly resourceVersion: string | undefined },
  signal: AbortSignal,
): Promise<CertificateSigningRequest | undefined> {
  try {
    for await (const events of client.watch(certificateSigningRequests, options, signal)) {
      for (const { type, object } of events) {
        if (type === "DELETED")
          throw new Error(`certificate request ${nameOf(object)} was removed`);
        if (type !== "BOOKMARK") return object;
      }
    }
  } catch (error) {
    if (!isStatus(error, "Expired")) throw error;
  }
  return undefined;
}

/** PEM; undefined while nothing is decided. @throws {Error} when the request was turned down. */
function outcome(request: CertificateSigningRequest): string | undefined {
  const { certificate = "", conditions = [] } = request.status ?? {};
  if (certificate !== "") return Buffer.from(certificate, "base64").toString();
  const refusal = conditions.find((it) => it.type === "Denied" || it.type === "Failed");
  if (refusal === undefined) return undefined;
  const why = `${refusal.type}: ${refusal.message ?? refusal.reason ?? ""}`;
  throw new Error(`certificate request ${nameOf(request)} was turned down (${why})`);
}
