import { childObject, childString, type Json, type JsonObject } from "#api/object.ts";
import type { ObjectSource, UserInfo } from "#apiserver/contract.ts";
import { serviceAccountGroups, serviceAccountUserName } from "./users.ts";

/** An object that a token is bound to. */
export interface Reference {
  readonly name: string;
  readonly uid: string;
}

/** What a service account token says. Times are in seconds since the epoch. */
export interface ServiceAccountClaims {
  readonly namespace: string;
  readonly serviceAccount: Reference;
  readonly pod: Reference | undefined;
  readonly secret: Reference | undefined;
  /** The node itself, or that of the pod; its uid is empty when the node object is unknown. */
  readonly node: Reference | undefined;
  readonly audiences: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly notBefore: number;
  readonly id: string;
}

/** The JWT payload, with the names that upstream and other verifiers use. */
export function claimsPayload(claims: ServiceAccountClaims, issuer: string): JsonObject {
  const bound = Object.entries({
    node: claims.node,
    pod: claims.pod,
    secret: claims.secret,
    serviceaccount: claims.serviceAccount,
  }).flatMap(([key, reference]): [string, Json][] =>
    reference === undefined ? [] : [[key, referenceObject(reference)]],
  );
  return {
    aud: [...claims.audiences],
    exp: claims.expiresAt,
    iat: claims.issuedAt,
    iss: issuer,
    jti: claims.id,
    "kubernetes.io": { namespace: claims.namespace, ...Object.fromEntries(bound) },
    nbf: claims.notBefore,
    sub: serviceAccountUserName(claims.namespace, claims.serviceAccount.name),
  };
}

/** Reads a verified payload; undefined when it is not a service account's. */
export function readClaims(payload: JsonObject): ServiceAccountClaims | undefined {
  const kubernetes = childObject(payload, "kubernetes.io");
  const namespace = childString(kubernetes, "namespace");
  const serviceAccount = referenceOf(kubernetes, "serviceaccount");
  if (namespace === undefined || serviceAccount === undefined) return undefined;
  if (childString(payload, "sub") !== serviceAccountUserName(namespace, serviceAccount.name)) {
    return undefined;
  }
  const audience = payload["aud"];
  const audiences = Array.isArray(audience) ? audience : [audience];
  return {
    namespace,
    serviceAccount,
    pod: referenceOf(kubernetes, "pod"),
    secret: referenceOf(kubernetes, "secret"),
    node: referenceOf(kubernetes, "node"),
    audiences: audiences.filter((it) => typeof it === "string"),
    issuedAt: seconds(payload["iat"]),
    expiresAt: seconds(payload["exp"]),
    notBefore: seconds(payload["nbf"]),
    id: childString(payload, "jti") ?? "",
  };
}

/** The user that a token speaks for. */
export function claimsUser(claims: ServiceAccountClaims): UserInfo {
  const key = "authentication.kubernetes.io/";
  const { pod, node } = claims;
  return Object.freeze({
    name: serviceAccountUserName(claims.namespace, claims.serviceAccount.name),
    uid: claims.serviceAccount.uid,
    groups: [...serviceAccountGroups(claims.namespace), "system:authenticated"],
    extra: {
      ...(claims.id === "" ? {} : { [`${key}credential-id`]: [`JTI=${claims.id}`] }),
      ...(node === undefined ? {} : { [`${key}node-name`]: [node.name] }),
      ...(node === undefined || node.uid === "" ? {} : { [`${key}node-uid`]: [node.uid] }),
      ...(pod === undefined
        ? {}
        : { [`${key}pod-name`]: [pod.name], [`${key}pod-uid`]: [pod.uid] }),
    },
  });
}

/** A deleted object still vouches for its tokens this long, so that a pod can end in peace. */
const deletionLeewayMs = 60_000;

/**
 * Why the claims do not hold any longer, judged by the objects of now, or undefined when they do.
 * Upstream: `pkg/serviceaccount/claims.go`, `Validate`.
 */
export function staleClaims(
  claims: ServiceAccountClaims,
  objects: ObjectSource,
  now: number,
): string | undefined {
  if (now / 1000 >= claims.expiresAt) return "service account token has expired";
  if (now / 1000 < claims.notBefore) return "service account token is not valid yet";
  const { namespace, pod, secret, node } = claims;
  const bound: [resource: string, namespace: string, what: string, reference: Reference][] = [
    ["serviceaccounts", namespace, "service account", claims.serviceAccount],
  ];
  if (secret !== undefined) bound.push(["secrets", namespace, "secret", secret]);
  if (pod !== undefined) bound.push(["pods", namespace, "pod", pod]);
  // Beside a pod, the node is only information.
  if (node !== undefined && pod === undefined) bound.push(["nodes", "", "node", node]);
  for (const [resource, home, what, reference] of bound) {
    const metadata = childObject(objects.get(resource, "", home, reference.name), "metadata");
    if (metadata === undefined) return `${what} ${reference.name} does not exist any longer`;
    if (childString(metadata, "uid") !== reference.uid) {
      return `${what} ${reference.name} is not the one that the token was made for`;
    }
    const deleted = childString(metadata, "deletionTimestamp");
    if (deleted !== undefined && Date.parse(deleted) + deletionLeewayMs < now) {
      return `${what} ${reference.name} has been deleted`;
    }
  }
  return undefined;
}

function referenceOf(parent: JsonObject | undefined, key: string): Reference | undefined {
  const child = childObject(parent, key);
  const name = childString(child, "name");
  if (name === undefined || name === "") return undefined;
  return { name, uid: childString(child, "uid") ?? "" };
}

function referenceObject(reference: Reference): JsonObject {
  if (reference.uid === "") return { name: reference.name };
  return { name: reference.name, uid: reference.uid };
}

function seconds(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}
