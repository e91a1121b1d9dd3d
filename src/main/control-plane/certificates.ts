import { hostname } from "node:os";
import type { Clock } from "#base/clock.ts";
import { openAuthority, type Authority } from "#pki/authority.ts";
import type { CertificatePair } from "#pki/files.ts";
import { apiServerHosts } from "#pki/hosts.ts";
import { openServiceAccountKey, type ServiceAccountKey } from "#pki/service-account-key.ts";
import { clusterDomain, serviceAddress } from "#main/network/network-plan.ts";

export interface Certificates {
  readonly authority: Authority;
  readonly key: ServiceAccountKey;
  /** Of the API server. */
  readonly serving: CertificatePair;
  /** Loads the API server's certificate again; makes a new one when it is due. */
  readonly loadServing: () => Promise<CertificatePair>;
  /** With which the API server calls kubelets. */
  readonly toKubelets: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Opens the authority and what the API server needs of it; makes what is missing or due. */
export async function openCertificates(options: {
  readonly pkiDirectory: string;
  readonly host: string;
  readonly advertiseAddress: string;
  readonly clock: Clock;
}): Promise<Certificates> {
  const [authority, key] = await Promise.all([
    openAuthority(options.pkiDirectory, options.clock),
    openServiceAccountKey(options.pkiDirectory),
  ]);
  const others = [options.advertiseAddress, ...(options.host === "0.0.0.0" ? [] : [options.host])];
  const place = { hostName: hostname(), serviceAddress, domain: clusterDomain, others };
  const hosts = apiServerHosts(place);
  async function loadServing(): Promise<CertificatePair> {
    return await authority.serving("apiserver", "kube-apiserver", hosts);
  }
  const [serving, kubeletClient] = await Promise.all([
    loadServing(),
    authority.client("apiserver-kubelet-client", {
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
    }),
  ]);
  const { certificate: cert, key: clientKey } = kubeletClient;
  return {
    authority,
    key,
    serving,
    loadServing,
    toKubelets: { ca: authority.certificate, cert, key: clientKey },
  };
}
