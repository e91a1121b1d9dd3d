import { FieldPath, invalid, type FieldError } from "#api/field.ts";
import {
  childList,
  childObject,
  childString,
  isJsonObject,
  type Json,
  type JsonObject,
} from "#api/object.ts";
import { badRequest, invalidObject } from "#api/status.ts";
import type { Attributes, Authorizer, UserInfo } from "#apiserver/contract.ts";
import { ruleObject } from "#apiserver/auth/rbac/rules.ts";
import type { RbacAuthorizer } from "#apiserver/auth/rbac/rbac-authorizer.ts";
import { nodeOf } from "#apiserver/auth/users.ts";
import type { ReviewHandler } from "./handler.ts";

const specPath = new FieldPath("spec");

/** `SubjectAccessReview`: may somebody do something? */
export function subjectAccessHandler(authorizer: Authorizer): ReviewHandler {
  return (object) => {
    const spec = childObject(object, "spec") ?? {};
    refuse("SubjectAccessReview", [...subjectFaults(spec), ...attributeFaults(spec)]);
    return Promise.resolve(answer(object, authorizer, attributesOf(spec, subjectOf(spec))));
  };
}

/** `LocalSubjectAccessReview`: the same, held to one namespace. */
export function localAccessHandler(authorizer: Authorizer): ReviewHandler {
  return (object, _user, namespace) => {
    const spec = childObject(object, "spec") ?? {};
    const local = localFaults(spec, namespace);
    const faults = [...subjectFaults(spec), ...attributeFaults(spec), ...local];
    refuse("LocalSubjectAccessReview", faults);
    return Promise.resolve(answer(object, authorizer, attributesOf(spec, subjectOf(spec))));
  };
}

/** `SelfSubjectAccessReview`: may I? (`kubectl auth can-i`) */
export function selfAccessHandler(authorizer: Authorizer): ReviewHandler {
  return (object, user) => {
    const spec = childObject(object, "spec") ?? {};
    refuse("SelfSubjectAccessReview", attributeFaults(spec));
    return Promise.resolve(answer(object, authorizer, attributesOf(spec, user)));
  };
}

/** `SelfSubjectRulesReview`: what may I do in a namespace? (`kubectl auth can-i --list`) */
export function selfRulesHandler(rbac: RbacAuthorizer): ReviewHandler {
  return (object, user) => {
    const namespace = childString(childObject(object, "spec"), "namespace") ?? "";
    if (namespace === "") throw badRequest("no namespace on request");
    const { rules, faults } = rbac.rulesFor(user, namespace);
    const isNode = nodeOf(user) !== undefined;
    const errors = isNode
      ? ["node authorizer does not support user rule resolution", ...faults]
      : faults;
    const status: JsonObject = {
      resourceRules: rules.filter((it) => it.resources.length > 0).map(ruleObject),
      nonResourceRules: rules.filter((it) => it.nonResourceURLs.length > 0).map(ruleObject),
      incomplete: isNode,
      ...(errors.length === 0 ? {} : { evaluationError: errors.join(", ") }),
    };
    return Promise.resolve({ ...object, status });
  };
}

function answer(object: JsonObject, authorizer: Authorizer, attributes: Attributes): JsonObject {
  const { allowed, reason } = authorizer.authorize(attributes);
  return { ...object, status: { allowed, ...(reason === "" ? {} : { reason }) } };
}

function attributesOf(spec: JsonObject, user: UserInfo): Attributes {
  const resource = childObject(spec, "resourceAttributes");
  const other = childObject(spec, "nonResourceAttributes");
  const text = (key: string): string => childString(resource ?? other, key) ?? "";
  return {
    user,
    verb: text("verb"),
    group: text("group"),
    version: text("version") === "" ? "*" : text("version"),
    resource: text("resource"),
    subresource: text("subresource"),
    namespace: text("namespace"),
    name: text("name"),
    path: text("path"),
    fieldSelector: fieldSelectorOf(childObject(resource, "fieldSelector")),
  };
}

/** Requirements in the form of a query; those that it cannot express are dropped, which widens. */
function fieldSelectorOf(selector: JsonObject | undefined): string | undefined {
  const raw = childString(selector, "rawSelector");
  if (raw !== undefined && raw !== "") return raw;
  const terms = childList(selector, "requirements")
    .filter(isJsonObject)
    .flatMap((it) => {
      const values = childList(it, "values").filter((value) => typeof value === "string");
      if (values.length !== 1) return [];
      if (it["operator"] === "In") return [`${childString(it, "key") ?? ""}=${values.join("")}`];
      if (it["operator"] === "NotIn")
        return [`${childString(it, "key") ?? ""}!=${values.join("")}`];
      return [];
    });
  return terms.length === 0 ? undefined : terms.join(",");
}

function subjectOf(spec: JsonObject): UserInfo {
  const extra = Object.entries(childObject(spec, "extra") ?? {});
  return {
    name: childString(spec, "user") ?? "",
    uid: childString(spec, "uid") ?? "",
    groups: strings(spec["groups"]),
    extra: Object.fromEntries(extra.map(([key, values]) => [key, strings(values)])),
  };
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === "string") : [];
}

function subjectFaults(spec: JsonObject): FieldError[] {
  if ((childString(spec, "user") ?? "") !== "" || childList(spec, "groups").length > 0) return [];
  const why = "at least one of user or group must be specified";
  return [invalid(specPath.child("user"), "", why)];
}

function attributeFaults(spec: JsonObject): FieldError[] {
  const resource = childObject(spec, "resourceAttributes");
  const other = childObject(spec, "nonResourceAttributes");
  if ((resource === undefined) !== (other === undefined)) return [];
  if (resource !== undefined && other !== undefined) {
    const why = "cannot be specified in combination with resourceAttributes";
    return [invalid(specPath.child("nonResourceAttributes"), other, why)];
  }
  const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalid(specPath.child("resourceAttributes"), null, why)];
}

function localFaults(spec: JsonObject, namespace: string): FieldError[] {
  const resource = childObject(spec, "resourceAttributes");
  const other = childObject(spec, "nonResourceAttributes");
  const faults: FieldError[] = [];
  const given = childString(resource, "namespace") ?? "";
  if (resource !== undefined && given !== namespace) {
    const path = new FieldPath("spec.resourceAttributes.namespace");
    faults.push(invalid(path, given, "must match metadata.namespace"));
  }
  if (other !== undefined) {
    const path = new FieldPath("spec.nonResourceAttributes");
    faults.push(invalid(path, other, "disallowed on this kind of request"));
  }
  return faults;
}

function refuse(kind: string, faults: readonly FieldError[]): void {
  if (faults.length === 0) return;
  throw invalidObject({ group: "authorization.k8s.io", kind }, "", faults);
}
