import type { Attributes, Authorizer, Decision, ObjectSource } from "#apiserver/contract.ts";
import { NodeAuthorizer } from "./node/node-authorizer.ts";
import { RbacAuthorizer } from "./rbac/rbac-authorizer.ts";
import { mastersGroup } from "./users.ts";

const allowed: Decision = { allowed: true, reason: "" };

/** All of authorization: `system:masters` first, then the rules for nodes, then RBAC. */
export interface Authorization {
  readonly authorizer: Authorizer;
  /** For questions about rules themselves: reviews, and the check against escalation. */
  readonly rbac: RbacAuthorizer;
}

export function createAuthorization(objects: ObjectSource): Authorization {
  const rbac = new RbacAuthorizer(objects);
  const nodes = new NodeAuthorizer(objects);
  function authorize(attributes: Attributes): Decision {
    if (attributes.user.groups.includes(mastersGroup)) return allowed;
    const ofNode = nodes.authorize(attributes);
    if (ofNode.allowed) return ofNode;
    const ofRoles = rbac.authorize(attributes);
    if (ofRoles.allowed || ofNode.reason === "") return ofRoles;
    const reasons = [ofNode.reason, ofRoles.reason].filter((it) => it !== "");
    return { allowed: false, reason: reasons.join("\n") };
  }
  return { authorizer: { authorize }, rbac };
}
