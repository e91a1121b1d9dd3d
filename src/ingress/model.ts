import type { EndpointSlice, Ingress, IngressClass, Service } from "#api/gen/types.ts";
import type { Protocol } from "./settings.ts";

/** What is known of a Secret that an Ingress names for TLS. */
export type CertificateState =
  | { readonly kind: "missing" }
  | { readonly kind: "invalid"; readonly fault: string }
  /** Certificates, leaf first, and the key, as PEM. */
  | { readonly kind: "valid"; readonly pem: string };

/** The state of the cluster that a plan is made of. */
export interface IngressInput {
  readonly ingresses: readonly Ingress[];
  readonly classes: readonly IngressClass[];
  /** By `namespace/name`. */
  readonly service: (key: string) => Service | undefined;
  /** Slices of a service. */
  readonly slices: (key: string) => readonly EndpointSlice[];
  readonly certificate: (key: string) => CertificateState;
}

/** Where a request goes. */
export interface Target {
  /** Key of {@link IngressPlan.backends}, or {@link unavailable}. */
  readonly backend: string;
  /** A request over plain HTTP is sent to HTTPS instead. */
  readonly redirect: boolean;
}

/** A backend that answers 503: its service or port does not exist. */
export const unavailable = "unavailable";

/**
 * Rules by what is compared: a host, exact or `*.example.com`, or "" for any, followed by the path.
 * A request is compared with its host, with its wildcard, and with "", in this order; each time the
 * exact paths come before prefixes, of which the longest counts. Then come the fallbacks.
 */
export interface Routes {
  /** `host/path`. */
  readonly exact: ReadonlyMap<string, Target>;
  /** `host/path/`: matches the beginning of a path to which a slash was added. */
  readonly prefix: ReadonlyMap<string, Target>;
  /** For paths of a host that no rule is for. */
  readonly fallback: ReadonlyMap<string, Target>;
  /** For all that is left; undefined: 404. */
  readonly last: Target | undefined;
}

export interface BackendPlan {
  readonly protocol: Protocol;
  /** Requests of one client address go to one endpoint. */
  readonly sticky: boolean;
  /** See `IngressSettings`. */
  readonly readMs: number | undefined;
  readonly tunnelMs: number | undefined;
  readonly bodyBytesMax: number | undefined;
  /** `10.244.0.5:8080`, sorted, each once. */
  readonly endpoints: readonly string[];
}

export interface CertificatePlan {
  readonly pem: string;
  /** For whom it is served: names, exact or with a wildcard. */
  readonly hosts: readonly string[];
}

export type ProblemReason =
  | "ServiceNotFound"
  | "PortNotFound"
  | "UnsupportedBackend"
  | "SecretNotFound"
  | "InvalidCertificate"
  | "InvalidAnnotation"
  | "InvalidPath"
  | "RuleTaken";

/** What keeps a part of an Ingress from working. */
export interface Problem {
  readonly ingress: Ingress;
  readonly reason: ProblemReason;
  readonly message: string;
}

export interface IngressPlan {
  /** The Ingresses of our class, oldest first. */
  readonly served: readonly Ingress[];
  readonly routes: Routes;
  readonly backends: ReadonlyMap<string, BackendPlan>;
  readonly certificates: readonly CertificatePlan[];
  /** Served to clients that ask for no host of the certificates; undefined: one that nobody trusts. */
  readonly defaultCertificate: string | undefined;
  readonly problems: readonly Problem[];
}
