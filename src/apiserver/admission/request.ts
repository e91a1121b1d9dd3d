import { childObject, childString, ensureObject, type JsonObject } from "#api/object.ts";
import { forbidden, type StatusError } from "#api/status.ts";
import type { AdmissionRequest } from "#apiserver/contract.ts";

/** True for a request about the kind itself, and not one of its subresources. */
export function isAbout(request: AdmissionRequest, group: string, plural: string): boolean {
  const { resource, subresource } = request;
  return resource.plural === plural && resource.group === group && subresource === "";
}

/** The pod that is about to be created; undefined for any other request. */
export function createdPod(request: AdmissionRequest): JsonObject | undefined {
  const creates = request.operation === "CREATE" && isAbout(request, "", "pods");
  return creates ? request.object : undefined;
}

/** The 403 of an admission rule: `pods "web" is forbidden: <why>`. */
export function refuse(request: AdmissionRequest, why: string): StatusError {
  return forbidden(request.resource, nameOf(request), why);
}

/** The name in the path, or in the object; a name to generate is shown by its prefix. */
export function nameOf(request: AdmissionRequest): string {
  if (request.name !== "") return request.name;
  const metadata = childObject(request.object, "metadata");
  return childString(metadata, "name") ?? childString(metadata, "generateName") ?? "";
}

/** `spec`, made when absent: what mutating rules change. */
export function specOf(object: JsonObject): JsonObject {
  return ensureObject(object, "spec");
}

/** An annotation of an object. */
export function annotation(object: JsonObject | undefined, key: string): string | undefined {
  return childString(childObject(childObject(object, "metadata"), "annotations"), key);
}
