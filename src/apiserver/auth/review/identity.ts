import type { JsonObject } from "#api/object.ts";
import { childList, childObject, childString } from "#api/object.ts";
import { badRequest } from "#api/status.ts";
import { authenticateToken, type AuthenticationParts } from "#apiserver/auth/authenticate.ts";
import { userInfoObject } from "#apiserver/auth/users.ts";
import type { ReviewHandler } from "./handler.ts";

/** `TokenReview`: whom a token speaks for. */
export function tokenReviewHandler(
  parts: Pick<AuthenticationParts, "tokens" | "objects" | "clock">,
): ReviewHandler {
  return async (object) => {
    const spec = childObject(object, "spec");
    const token = childString(spec, "token") ?? "";
    if (token === "") throw badRequest("token is required for TokenReview in authentication");
    const wanted = childList(spec, "audiences").filter((it) => typeof it === "string");
    const audiences = wanted.length === 0 ? parts.tokens.settings.audiences : wanted;
    const verdict = await authenticateToken(parts, token, audiences);
    return { ...object, status: statusOf(verdict) };
  };
}

function statusOf(verdict: Awaited<ReturnType<typeof authenticateToken>>): JsonObject {
  if (verdict.fault !== undefined) return { user: {}, error: verdict.fault };
  return {
    authenticated: true,
    user: userInfoObject(verdict.user),
    audiences: [...verdict.audiences],
  };
}

/** `SelfSubjectReview`: who the caller is (`kubectl auth whoami`). */
export function selfSubjectHandler(): ReviewHandler {
  return (object, user) =>
    Promise.resolve({ ...object, status: { userInfo: userInfoObject(user) } });
}
