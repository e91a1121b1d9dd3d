import { isDeepStrictEqual } from "node:util";
import { childList, childObject, childString, type JsonObject } from "#api/object.ts";
import { notFound } from "#api/status.ts";
import type { AdmissionRequest, AdmissionRule, Attributes } from "#apiserver/contract.ts";
import type { Authorization } from "#apiserver/auth/authorize.ts";
import { rbacGroup } from "#apiserver/auth/rbac/bindings.ts";
import { describeRights, missingRights, quoteList } from "#apiserver/auth/rbac/covers.ts";
import { rulesOf, type PolicyRule } from "#apiserver/auth/rbac/rules.ts";
import { mastersGroup } from "#apiserver/auth/users.ts";
import { nameOf, refuse } from "./request.ts";

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: [], nonResourceURLs: [] },
  { verbs: ["*"], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ["*"] },
];

/**
 * Nobody gives rights that they do not hold: roles and bindings may contain only rights of the
 * writer, unless it may `escalate` roles or `bind` this one. Upstream: `pkg/registry/rbac`.
 */
export function roleEscalation(authorization: Authorization): AdmissionRule {
  return {
    name: "RoleEscalation",
    validate(request) {
      const { resource, operation, object, user } = request;
      if (resource.group !== rbacGroup || object === undefined || request.subresource !== "")
        return;
      if (operation !== "CREATE" && operation !== "UPDATE") return;
      if (user.groups.includes(mastersGroup) || touchesOnlyLifecycle(request)) return;
      if (resource.plural === "roles" || resource.plural === "clusterroles") {
        checkRole(request, object, authorization);
      } else {
        checkBinding(request, object, authorization);
      }
    },
  };
}

function checkRole(
  request: AdmissionRequest,
  role: JsonObject,
  authorization: Authorization,
): void {
  const { plural } = request.resource;
  // A create has no name in its path: the right to escalate one role by name does not make it.
  const name = request.operation === "CREATE" ? "" : nameOf(request);
  const question = { verb: "escalate", resource: plural, name, namespace: request.namespace };
  if (allowed(request, question, authorization)) return;
  refuseMissing(request, rulesOf(role), authorization);
  if (!gathers(role) && !gathers(request.previous)) return;
  const { rules } = authorization.rbac.rulesFor(request.user, "");
  if (missingRights(rules, everything).length > 0) {
    throw refuse(request, "must have cluster-admin privileges to use the aggregationRule");
  }
}

function checkBinding(
  request: AdmissionRequest,
  binding: JsonObject,
  authorization: Authorization,
): void {
  const reference = childObject(binding, "roleRef");
  const kind = childString(reference, "kind") ?? "";
  const name = childString(reference, "name") ?? "";
  const resource = kind === "ClusterRole" ? "clusterroles" : "roles";
  const question = { verb: "bind", resource, name, namespace: request.namespace };
  if (allowed(request, question, authorization)) return;
  const rules = authorization.rbac.bindings.rulesOfRole(kind, request.namespace, name);
  if (rules === undefined) throw notFound({ group: rbacGroup, plural: resource }, name);
  refuseMissing(request, rules, authorization);
}

function refuseMissing(
  request: AdmissionRequest,
  wanted: readonly PolicyRule[],
  authorization: Authorization,
): void {
  const { user, namespace } = request;
  const { rules, faults } = authorization.rbac.rulesFor(user, namespace);
  const missing = missingRights(rules, wanted);
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.name)} (groups=${quoteList(user.groups)})`;
  const list = describeRights(missing).join("\n");
  const tail = faults.length === 0 ? "" : `; resolution errors: [${faults.join(", ")}]`;
  throw refuse(
    request,
    `${who} is attempting to grant RBAC permissions not currently held:\n${list}${tail}`,
  );
}

function allowed(
  request: AdmissionRequest,
  question: Pick<Attributes, "verb" | "resource" | "name" | "namespace">,
  authorization: Authorization,
): boolean {
  const attributes = {
    user: request.user,
    group: rbacGroup,
    version: "*",
    subresource: "",
    path: "",
    ...question,
  };
  return authorization.authorizer.authorize(attributes).allowed;
}

function gathers(role: JsonObject | undefined): boolean {
  return childList(childObject(role, "aggregationRule"), "clusterRoleSelectors").length > 0;
}

/** The garbage collector may end the life of a role without holding its rights. */
function touchesOnlyLifecycle({ object, previous }: AdmissionRequest): boolean {
  if (object === undefined || previous === undefined) return false;
  return isDeepStrictEqual(withoutLifecycle(object), withoutLifecycle(previous));
}

function withoutLifecycle(object: JsonObject): JsonObject {
  const metadata = structuredClone(childObject(object, "metadata") ?? {});
  for (const field of ["ownerReferences", "finalizers", "managedFields", "resourceVersion"]) {
    Reflect.deleteProperty(metadata, field);
  }
  return structuredClone({ ...object, metadata });
}
