import { childList, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";

/** Fields whose selector name is not their path. Upstream: each kind's `ToSelectableFields`. */
const paths: Readonly<Record<string, string>> = {
  "status.successful": "status.succeeded",
};

/** What an absent field reads as, where that is not the empty text. */
const absent: Readonly<Record<string, string>> = {
  "spec.hostNetwork": "false",
  "spec.unschedulable": "false",
  "status.replicas": "0",
  "status.successful": "0",
};

/** Names that `events.k8s.io` has for the fields of the stored core event. */
const storedNames: Readonly<Record<string, string>> = {
  reportingController: "reportingComponent",
};

/** The values by which an object of the stored version can be selected, in the kind's order. */
export function fieldValues(resource: Resource, object: JsonObject): string[] {
  return resource.selectableFields.map((field) => fieldValue(object, field));
}

/** The name under which the stored version of the kind has a field. */
export function storedField(field: string): string {
  if (field.startsWith("regarding.")) return `involvedObject.${field.slice("regarding.".length)}`;
  return storedNames[field] ?? field;
}

function fieldValue(object: JsonObject, field: string): string {
  if (field === "source") return eventSource(object);
  if (field === "reportingComponent") return eventReporter(object);
  if (field === "status.podIPs") return podIps(object);
  const value = valueAt(object, paths[field] ?? field);
  if (value === undefined || value === null || value === "") return absent[field] ?? "";
  return typeof value === "object" ? "" : String(value);
}

function valueAt(object: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path.split(".")) {
    if (!isJsonObject(value)) return undefined;
    value = value[key];
  }
  return value;
}

function eventSource(object: JsonObject): string {
  const component = text(valueAt(object, "source.component"));
  return component === "" ? text(object["reportingComponent"]) : component;
}

function eventReporter(object: JsonObject): string {
  return text(object["reportingComponent"]);
}

function podIps(object: JsonObject): string {
  const status = object["status"];
  const ips = isJsonObject(status) ? childList(status, "podIPs") : [];
  return ips.map((it) => (isJsonObject(it) ? text(it["ip"]) : "")).join(",");
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
