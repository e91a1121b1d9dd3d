import { randomBytes } from "node:crypto";
import { childList, childObject, childString, isJsonObject } from "#api/object.ts";
import { formatTime } from "#api/time.ts";
import { parseYaml } from "#api/yaml.ts";
import { systemClock } from "#base/clock.ts";
import { Client } from "#client/client.ts";
import { configMaps, secrets } from "#client/kinds.ts";
import { readKubeconfig } from "#client/kubeconfig.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import { readFileIfPresent } from "#pki/files.ts";
import { publicKeyHash } from "#pki/inspect.ts";
import type { Where } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";

const lifetimeMs = 24 * 3_600_000;

/** The command that joins a machine, with a new token. @throws {Error} see {@link makeToken}. */
export async function createToken(where: Where, signal: AbortSignal): Promise<string> {
  const { server, token, caHash } = await makeToken(where, signal);
  return `gantry agent --server ${server} --token ${token} --ca-hash ${caHash}`;
}

/** With what a machine joins. */
export interface JoinToken {
  readonly server: string;
  /** `id.secret` */
  readonly token: string;
  /** `sha256:…` of the authority's public key. */
  readonly caHash: string;
}

/**
 * Makes a bootstrap token that is good for a day.
 * @throws {Error} when no server of this machine has that data directory, or it does not run.
 */
export async function makeToken({ dataDir }: Where, signal: AbortSignal): Promise<JoinToken> {
  const { kubeconfig } = pathsBelow(dataDir, runDirectoryOf(dataDir));
  if ((await readFileIfPresent(kubeconfig)) === undefined) {
    throw new Error(
      `no server has run on ${dataDir}: start one with gantry server, or name its --data-dir`,
    );
  }
  const connection = await readKubeconfig(kubeconfig, systemClock);
  const options = { ...connection, userAgent: "gantry", clock: systemClock };
  await using transport = new TlsTransport(options);
  const client = new Client(transport);
  const id = randomText(6);
  const secret = randomText(16);
  const stringData = {
    "token-id": id,
    "token-secret": secret,
    expiration: formatTime(systemClock.now() + lifetimeMs),
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": "system:bootstrappers:gantry:nodes",
    description: "Made by gantry token create.",
  };
  const metadata = { namespace: "kube-system", name: `bootstrap-token-${id}` };
  const object = { metadata, type: "bootstrap.kubernetes.io/token", stringData };
  await client.create(secrets, object, {}, signal);
  const info = await client.get(
    configMaps,
    { namespace: "kube-public", name: "cluster-info" },
    signal,
  );
  const { server, authority } = readClusterInfo(info.data?.["kubeconfig"] ?? "");
  return { server, token: `${id}.${secret}`, caHash: publicKeyHash(authority) };
}

/**
 * The server's address and the authority's PEM, from the kubeconfig in `kube-public/cluster-info`.
 * @throws {Error} when it is not one.
 */
export function readClusterInfo(text: string): {
  readonly server: string;
  readonly authority: string;
} {
  const config = parseYaml(text).documents[0]?.value;
  const clusters = isJsonObject(config) ? childList(config, "clusters") : [];
  const cluster = childObject(clusters.find(isJsonObject), "cluster");
  const server = childString(cluster, "server");
  const encoded = childString(cluster, "certificate-authority-data");
  if (server === undefined || encoded === undefined) {
    throw new Error("the server's ConfigMap kube-public/cluster-info names no cluster");
  }
  return { server, authority: Buffer.from(encoded, "base64").toString() };
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Uniform: bytes past the last whole alphabet are drawn again. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    const byte = randomBytes(1)[0] ?? 255;
    if (byte < letters.length * 7) text += letters[byte % letters.length] ?? "";
  }
  return text;
}
