import type { Clock } from "#base/clock.ts";
import { unauthorized } from "#api/status.ts";
import type {
  Authenticator,
  Authorizer,
  Credentials,
  ObjectSource,
  UserInfo,
} from "#apiserver/contract.ts";
import { bootstrapUser } from "./bootstrap-token.ts";
import { BoundedMap } from "./bounded-map.ts";
import { impersonated } from "./impersonation.ts";
import type { ServiceAccountTokens, TokenVerdict } from "./service-account-tokens.ts";
import { anonymous, authenticatedGroup } from "./users.ts";

export interface AuthenticationParts {
  readonly tokens: ServiceAccountTokens;
  readonly objects: ObjectSource;
  /** Decides who may impersonate whom. */
  readonly authorizer: Authorizer;
  readonly clock: Clock;
}

/** Users of certificates that are remembered, so that their decisions are too. */
const certificateUsersMax = 10_000;

/**
 * Finds out who asks: a client certificate, a service account's token, a bootstrap token, or
 * nobody; then whom it wants to be.
 */
export function createAuthenticator(parts: AuthenticationParts): Authenticator {
  const users = new BoundedMap<string, UserInfo>(certificateUsersMax);

  function ofCertificate(certificate: NonNullable<Credentials["certificate"]>): UserInfo {
    const key = [certificate.commonName, ...certificate.organizations].join("\0");
    const known = users.get(key);
    if (known !== undefined) return known;
    const groups = [...new Set([...certificate.organizations, authenticatedGroup])];
    const user = Object.freeze({ name: certificate.commonName, uid: "", groups, extra: {} });
    users.set(key, user);
    return user;
  }

  async function caller(credentials: Credentials): Promise<UserInfo> {
    const { certificate } = credentials;
    if (certificate !== undefined && certificate.commonName !== "") {
      return ofCertificate(certificate);
    }
    const token = bearerToken(credentials.authorization);
    if (token === undefined) return anonymous;
    const verdict = await authenticateToken(parts, token, parts.tokens.settings.audiences);
    if (verdict.fault !== undefined) throw unauthorized();
    return verdict.user;
  }

  return {
    async authenticate(credentials) {
      return await caller(credentials);
    },
    impersonate: (user, headers) => impersonated(user, headers, parts.authorizer),
  };
}

/** Whom a bearer token of any kind speaks for, to one of `audiences`. For `TokenReview` as well. */
export async function authenticateToken(
  parts: Pick<AuthenticationParts, "tokens" | "objects" | "clock">,
  token: string,
  audiences: readonly string[],
): Promise<TokenVerdict> {
  const verdict = await parts.tokens.verify(token, audiences);
  if (verdict !== undefined) return verdict;
  const user = bootstrapUser(token, parts.objects, parts.clock.now());
  const forUs = audiences.filter((it) => parts.tokens.settings.audiences.includes(it));
  if (user === undefined || forUs.length === 0) return { fault: "invalid bearer token" };
  return { user, audiences: forUs };
}

/** The token of an `Authorization: Bearer` header; undefined for other schemes. */
function bearerToken(header: string | undefined): string | undefined {
  const [scheme = "", token = ""] = (header ?? "").trim().split(" ");
  return scheme.toLowerCase() === "bearer" && token !== "" ? token : undefined;
}
