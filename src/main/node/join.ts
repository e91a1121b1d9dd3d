import { systemClock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { configMaps } from "#client/kinds.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import { publicKeyHash } from "#pki/inspect.ts";
import { readClusterInfo } from "./token.ts";

const hashPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * The PEM of the authority of `server`, which is not trusted until the hash of its public key is
 * `hash`: whoever answers in the server's place would have to have the authority's key.
 * @throws {Error} when the server cannot be reached, or has another authority.
 */
export async function fetchAuthority(
  server: string,
  hash: string,
  signal: AbortSignal,
): Promise<string> {
  if (!hashPattern.test(hash)) {
    throw new Error(`--ca-hash: '${hash}' is no hash; expected sha256: and 64 hexadecimal digits`);
  }
  // Nothing secret is sent on this connection: no token, no certificate.
  const options = { server, insecureSkipVerify: true, userAgent: "gantry-agent" };
  await using transport = new TlsTransport({ ...options, clock: systemClock });
  const at = { namespace: "kube-public", name: "cluster-info" };
  const info = await new Client(transport).get(configMaps, at, signal);
  const { authority } = readClusterInfo(info.data?.["kubeconfig"] ?? "");
  const found = publicKeyHash(authority);
  if (found === hash) return authority;
  throw new Error(
    `${server} has the authority ${found} and not the one of --ca-hash: is it the right server? gantry token create, run on its host, prints the right hash`,
  );
}
