import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest, type RequestOptions } from "node:https";
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from "node:tls";
import { openUpgrade, type Upgraded, type UpgradeRequest } from "#streaming/upgrade.ts";
import type { NodeEndpoint } from "./node-endpoint.ts";

/** PEM texts: the cluster's authority, and the certificate with which kubelets are called. */
export interface KubeletCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Connections to all kubelets that may wait for their next request. */
const idleConnectionsMax = 64;

/** Calls kubelets over mutual TLS; a kubelet must prove that it is the node's. */
export class KubeletClient implements Disposable {
  readonly #credentials: KubeletCredentials;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: idleConnectionsMax });

  constructor(credentials: KubeletCredentials) {
    this.#credentials = credentials;
  }

  /** Resolves with the response's head. Rejects when the kubelet cannot be reached. */
  async request(
    node: NodeEndpoint,
    options: {
      readonly method: string;
      readonly path: string;
      readonly headers?: RequestOptions["headers"];
      readonly body?: Uint8Array;
    },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { method, path, headers = {}, body } = options;
    const request = httpsRequest({
      host: node.address,
      port: node.port,
      method,
      path,
      headers,
      agent: this.#agent,
      signal,
      ...this.#tls(node),
    });
    request.on("response", resolve);
    request.on("error", reject);
    request.end(body);
    return await promise;
  }

  /** Switches a connection to another protocol. @throws {UpgradeRefusedError} */
  async upgrade(
    node: NodeEndpoint,
    options: Pick<UpgradeRequest, "method" | "upgrade" | "headers"> & { readonly path: string },
    signal: AbortSignal,
  ): Promise<Upgraded> {
    const { method, upgrade, headers, path } = options;
    const host = node.address.includes(":") ? `[${node.address}]` : node.address;
    const url = new URL(`https://${host}:${node.port}${path}`);
    return await openUpgrade({ url, method, upgrade, headers, tls: this.#tls(node) }, signal);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #tls(node: NodeEndpoint): ConnectionOptions {
    const { ca, cert, key } = this.#credentials;
    return {
      ca,
      cert,
      key,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkNodeIdentity(node, certificate),
    };
  }
}

/** The certificate must be for the node's address or for its name. */
function checkNodeIdentity(node: NodeEndpoint, certificate: PeerCertificate): Error | undefined {
  const wrongAddress = checkServerIdentity(node.address, certificate);
  if (wrongAddress === undefined) return undefined;
  return checkServerIdentity(node.name, certificate) === undefined ? undefined : wrongAddress;
}
