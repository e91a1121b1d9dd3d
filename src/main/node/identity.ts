import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import { isStatus } from "#api/status.ts";
import { Client } from "#client/client.ts";
import { measuredTransport } from "#client/measured-transport.ts";
import { leases, nodes } from "#client/kinds.ts";
import { TlsTransport } from "#client/tls-transport.ts";
import type { HttpRequest, HttpResponse, Transport } from "#client/transport.ts";
import {
  readFileIfPresent,
  readPair,
  writeFileAtomically,
  writePair,
  type CertificatePair,
} from "#pki/files.ts";
import { flaw, isUsable } from "#pki/inspect.ts";
import { exposeCertificate } from "#main/control-plane/certificate-metrics.ts";
import { fetchAuthority } from "./join.ts";
import {
  requestCertificate,
  type CertificateWish,
} from "#main/control-plane/request-certificate.ts";

export interface JoinOptions {
  readonly server: string;
  readonly token: string | undefined;
  readonly caHash: string | undefined;
  readonly nodeName: string;
  readonly address: string;
  /** Of the node's certificates. */
  readonly folder: string;
  /** Where requests count. */
  readonly metrics: MetricRegistry;
}

/** Requests with the newest client certificate; those under way on an older one are broken off. */
class RenewedTransport implements Transport, AsyncDisposable {
  readonly #make: (pair: CertificatePair) => TlsTransport;
  #current: TlsTransport;

  constructor(pair: CertificatePair, make: (pair: CertificatePair) => TlsTransport) {
    this.#make = make;
    this.#current = make(pair);
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    return await this.#current.send(request, signal);
  }

  async renew(pair: CertificatePair): Promise<void> {
    const old = this.#current;
    this.#current = this.#make(pair);
    await old[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current[Symbol.asyncDispose]();
  }
}

/** A machine's membership of a cluster: its authority, its certificates, its client. */
export class NodeIdentity implements AsyncDisposable {
  readonly authority: string;
  /** With which the node calls the server. */
  readonly clientPair: CertificatePair;
  readonly client: Client;
  readonly #options: JoinOptions;
  readonly #transport: RenewedTransport;
  readonly #exposed: Disposable;
  /** PEM of the one in use. */
  #certificate: string;

  private constructor(options: JoinOptions, authority: string, clientPair: CertificatePair) {
    this.#options = options;
    this.authority = authority;
    this.clientPair = clientPair;
    this.#transport = new RenewedTransport(clientPair, (pair) => connect(options, authority, pair));
    const { host } = new URL(options.server);
    const counted = { metrics: options.metrics, clock: systemClock };
    this.#certificate = clientPair.certificate;
    this.#exposed = exposeCertificate("client", () => this.#certificate, counted);
    this.client = new Client(measuredTransport(this.#transport, host, counted));
  }

  /**
   * The identity that is kept in the folder, or a new one by the token.
   * @throws {Error} saying what is missing, or why the server refuses.
   */
  static async open(options: JoinOptions, signal: AbortSignal): Promise<NodeIdentity> {
    const kept = await keptIdentity(options);
    if (kept !== undefined) return new NodeIdentity(options, kept.authority, kept.pair);
    const { server, token, caHash } = options;
    if (token === undefined || caHash === undefined) {
      throw new Error(
        "this machine has not joined yet: --token and --ca-hash are needed. gantry token create, run on the server's host, prints both",
      );
    }
    const authority = await fetchAuthority(server, caHash, signal);
    await using transport = new TlsTransport({
      server,
      certificateAuthority: authority,
      bearerToken: () => Promise.resolve(token),
      userAgent: "gantry-agent",
      clock: systemClock,
    });
    const pair = await requestCertificate(new Client(transport), clientWish(options), signal);
    await using trial = connect(options, authority, pair);
    await refuseTwin(new Client(trial), options, signal);
    await writeFileAtomically(join(options.folder, "ca.crt"), authority, 0o644);
    await writePair(join(options.folder, "kubelet-client"), pair);
    return new NodeIdentity(options, authority, pair);
  }

  /** The next client certificate, kept and in use once this resolves. */
  async renewClient(signal: AbortSignal): Promise<CertificatePair> {
    const pair = await requestCertificate(this.client, clientWish(this.#options), signal);
    await writePair(join(this.#options.folder, "kubelet-client"), pair);
    await this.#transport.renew(pair);
    this.#certificate = pair.certificate;
    return pair;
  }

  /** The certificate of the node's server: the one that is kept while it is good, or a new one. */
  async loadServing(signal: AbortSignal): Promise<CertificatePair> {
    const { folder, nodeName, address } = this.#options;
    const path = join(folder, "kubelet-serving");
    const hosts = [nodeName, address];
    const { certificate, key } = await readPair(path);
    if (certificate !== undefined && key !== undefined) {
      const found = { certificate, key };
      const expectation = { authority: this.authority, hosts, subject: subjectOf(nodeName) };
      if (flaw(found, expectation, systemClock.now()) === undefined) return found;
    }
    await this.#showAddress(signal);
    const signerName = "kubernetes.io/kubelet-serving";
    const wish = { signerName, nodeName, hosts, usage: "server auth" } as const;
    const pair = await requestCertificate(this.client, wish, signal);
    await writePair(path, pair);
    return pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#exposed[Symbol.dispose]();
    await this.#transport[Symbol.asyncDispose]();
  }

  /** A serving certificate is signed for the addresses that the node's object shows. */
  async #showAddress(signal: AbortSignal): Promise<void> {
    const { nodeName: name, address } = this.#options;
    const addresses = [
      { type: "InternalIP", address },
      { type: "Hostname", address: name },
    ];
    const labels = { "kubernetes.io/hostname": name };
    const node = { metadata: { name, labels }, status: { addresses } };
    try {
      await this.client.create(nodes, node, {}, signal);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      const at = { name, subresource: "status" };
      const patch = { type: "strategic", body: { status: { addresses } } } as const;
      await this.client.patch(nodes, at, patch, signal);
    }
  }
}

/** A node is taken for alive this long after it was heard from, as by the control plane. */
const aliveMs = 50_000;

/** Two machines in one name would each undo what the other does. @throws {Error} saying so. */
async function refuseTwin(
  client: Client,
  { nodeName: name, address }: JoinOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    const node = await client.get(nodes, { name }, signal);
    const lease = await client.get(leases, { namespace: "kube-node-lease", name }, signal);
    const other = node.status?.addresses?.find((it) => it.type === "InternalIP")?.address;
    const heard = Date.parse(lease.spec?.renewTime ?? "");
    if (other === address || !(systemClock.now() - heard < aliveMs)) return;
    throw new Error(
      `a node named ${name} is running already, at ${other ?? "an unknown address"}: choose another name with --node-name`,
    );
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

function connect(options: JoinOptions, authority: string, pair: CertificatePair): TlsTransport {
  return new TlsTransport({
    server: options.server,
    certificateAuthority: authority,
    clientCertificate: pair.certificate,
    clientKey: pair.key,
    userAgent: "gantry-kubelet",
    clock: systemClock,
  });
}

async function keptIdentity(
  options: JoinOptions,
): Promise<{ readonly authority: string; readonly pair: CertificatePair } | undefined> {
  const authority = await readFileIfPresent(join(options.folder, "ca.crt"));
  const { certificate, key } = await readPair(join(options.folder, "kubelet-client"));
  if (authority === undefined || certificate === undefined || key === undefined) return undefined;
  const expectation = { authority, hosts: [], subject: subjectOf(options.nodeName) };
  const pair = { certificate, key };
  return isUsable(pair, expectation, systemClock.now()) ? { authority, pair } : undefined;
}

function clientWish({ nodeName }: JoinOptions): CertificateWish {
  const signerName = "kubernetes.io/kube-apiserver-client-kubelet";
  return { signerName, nodeName, hosts: [], usage: "client auth" };
}

function subjectOf(nodeName: string): string {
  return `O=system:nodes\nCN=system:node:${nodeName}`;
}
