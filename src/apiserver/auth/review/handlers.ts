import type { AuthenticationParts } from "#apiserver/auth/authenticate.ts";
import type { Authorization } from "#apiserver/auth/authorize.ts";
import {
  localAccessHandler,
  selfAccessHandler,
  selfRulesHandler,
  subjectAccessHandler,
} from "./access.ts";
import type { ReviewHandler } from "./handler.ts";
import { selfSubjectHandler, tokenReviewHandler } from "./identity.ts";
import { tokenRequestHandler } from "./token-request.ts";

/**
 * The create requests that are answered and not stored, by `<group>/<plural>[/<subresource>]`.
 * Admission runs before them, as for any create.
 */
export function reviewHandlers(
  parts: Pick<AuthenticationParts, "tokens" | "objects" | "clock">,
  { authorizer, rbac }: Authorization,
): ReadonlyMap<string, ReviewHandler> {
  return new Map([
    ["/serviceaccounts/token", tokenRequestHandler(parts.tokens, parts.objects, parts.clock)],
    ["authentication.k8s.io/tokenreviews", tokenReviewHandler(parts)],
    ["authentication.k8s.io/selfsubjectreviews", selfSubjectHandler()],
    ["authorization.k8s.io/subjectaccessreviews", subjectAccessHandler(authorizer)],
    ["authorization.k8s.io/localsubjectaccessreviews", localAccessHandler(authorizer)],
    ["authorization.k8s.io/selfsubjectaccessreviews", selfAccessHandler(authorizer)],
    ["authorization.k8s.io/selfsubjectrulesreviews", selfRulesHandler(rbac)],
  ]);
}
