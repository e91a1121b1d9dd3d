import type { Clock } from "#base/clock.ts";
import { FieldPath, invalid, type FieldError } from "#api/field.ts";
import { childList, childObject, childString, ensureObject, type JsonObject } from "#api/object.ts";
import { badRequest, conflict, invalidObject, notFound } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { ObjectSource } from "#apiserver/contract.ts";
import type { Reference } from "#apiserver/auth/service-account-claims.ts";
import type { ServiceAccountTokens } from "#apiserver/auth/service-account-tokens.ts";
import type { ReviewHandler } from "./handler.ts";

const defaultSeconds = 3_600;
const minSeconds = 600;
const requestMaxSeconds = 2 ** 32;
/** Longer requests are shortened to this: a year. */
const tokenMaxSeconds = 365 * 24 * 3_600;

const authentication = "authentication.k8s.io";
const kind = { group: authentication, kind: "TokenRequest" };

/** What a token is bound to besides its service account. */
interface Bound {
  readonly pod: Reference | undefined;
  readonly secret: Reference | undefined;
  readonly node: Reference | undefined;
}

/**
 * `POST …/serviceaccounts/{name}/token`. Upstream:
 * `pkg/registry/core/serviceaccount/storage/token.go`; tokens are never extended beyond what was
 * asked for.
 */
export function tokenRequestHandler(
  tokens: ServiceAccountTokens,
  objects: ObjectSource,
  clock: Clock,
): ReviewHandler {
  return async (object, _user, namespace, name = "") => {
    const account = objects.get("serviceaccounts", "", namespace, name);
    if (account === undefined) throw notFound({ group: "", plural: "serviceaccounts" }, name);
    const uid = uidOf(account);
    checkMetadata(object, { namespace, name, uid });
    const spec = childObject(object, "spec") ?? {};
    const asked = secondsOf(spec);
    const bound = boundTo(childObject(spec, "boundObjectRef"), { namespace, name }, objects);
    const wanted = childList(spec, "audiences").filter((it) => typeof it === "string");
    const audiences = wanted.length === 0 ? [...tokens.settings.audiences] : wanted;
    const seconds = Math.min(asked, tokenMaxSeconds);
    const about = { namespace, serviceAccount: { name, uid }, ...bound };
    const { token, expiresAt } = await tokens.issue(about, audiences, seconds);
    const metadata = ensureObject(object, "metadata");
    Object.assign(metadata, { name, namespace, uid, creationTimestamp: formatTime(clock.now()) });
    object["spec"] = { ...spec, audiences, expirationSeconds: seconds };
    object["status"] = { token, expirationTimestamp: formatTime(expiresAt * 1000) };
    return object;
  };
}

function checkMetadata(
  object: JsonObject,
  account: { readonly namespace: string; readonly name: string; readonly uid: string },
): void {
  const metadata = childObject(object, "metadata");
  const path = new FieldPath("metadata");
  const errors: FieldError[] = [];
  for (const field of ["name", "namespace"] as const) {
    const given = childString(metadata, field) ?? "";
    if (given === "" || given === account[field]) continue;
    const why = `must match the service account ${field} if specified`;
    errors.push(invalid(path.child(field), given, why));
  }
  if (errors.length > 0) throw invalidObject(kind, account.name, errors);
  const uid = childString(metadata, "uid") ?? "";
  if (uid === "" || uid === account.uid) return;
  const why = `the UID in the token request (${uid}) does not match the UID of the service account (${account.uid})`;
  throw conflict({ group: authentication, plural: "TokenRequest" }, account.name, why);
}

function secondsOf(spec: JsonObject): number {
  const given = spec["expirationSeconds"];
  const seconds = typeof given === "number" ? given : defaultSeconds;
  const path = new FieldPath("spec.expirationSeconds");
  if (seconds < minSeconds) {
    const why = "may not specify a duration less than 10 minutes";
    throw invalidObject(kind, "", [invalid(path, seconds, why)]);
  }
  if (seconds > requestMaxSeconds) {
    const why = "may not specify a duration larger than 2^32 seconds";
    throw invalidObject(kind, "", [invalid(path, seconds, why)]);
  }
  return seconds;
}

function boundTo(
  reference: JsonObject | undefined,
  account: { readonly namespace: string; readonly name: string },
  objects: ObjectSource,
): Bound {
  const none = { pod: undefined, secret: undefined, node: undefined };
  if (reference === undefined) return none;
  const name = childString(reference, "name") ?? "";
  const version = childString(reference, "apiVersion") ?? "";
  const boundKind = childString(reference, "kind") ?? "";
  const plural = version === "v1" ? resourceOf(boundKind) : undefined;
  if (plural === undefined) {
    const text = `${version}, Kind=${boundKind}`;
    throw badRequest(`cannot bind token to object of type ${text}`);
  }
  const found = objects.get(plural, "", plural === "nodes" ? "" : account.namespace, name);
  if (found === undefined) throw notFound({ group: "", plural }, name);
  const uid = uidOf(found);
  const given = childString(reference, "uid") ?? "";
  if (given !== "" && given !== uid) {
    const why = `the UID in the bound object reference (${given}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: "", plural: boundKind }, name, why);
  }
  if (plural === "nodes") return { ...none, node: { name, uid } };
  if (plural === "secrets") return { ...none, secret: { name, uid } };
  const spec = childObject(found, "spec");
  if (childString(spec, "serviceAccountName") !== account.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account.name)} to pod running with different serviceaccount name.`,
    );
  }
  return { ...none, pod: { name, uid }, node: nodeOf(spec, objects) };
}

function resourceOf(boundKind: string): "pods" | "secrets" | "nodes" | undefined {
  if (boundKind === "Pod") return "pods";
  if (boundKind === "Secret") return "secrets";
  return boundKind === "Node" ? "nodes" : undefined;
}

function nodeOf(spec: JsonObject | undefined, objects: ObjectSource): Reference | undefined {
  const name = childString(spec, "nodeName") ?? "";
  if (name === "") return undefined;
  const node = objects.get("nodes", "", "", name);
  return { name, uid: node === undefined ? "" : uidOf(node) };
}

function uidOf(object: JsonObject): string {
  return childString(childObject(object, "metadata"), "uid") ?? "";
}
