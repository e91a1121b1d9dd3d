import { admissionRules } from "#apiserver/admission/rules.ts";
import { createAuthenticator } from "#apiserver/auth/authenticate.ts";
import { createAuthorization } from "#apiserver/auth/authorize.ts";
import { reviewHandlers } from "#apiserver/auth/review/handlers.ts";
import {
  ServiceAccountTokens,
  type TokenSettings,
} from "#apiserver/auth/service-account-tokens.ts";
import type { ObjectSink, ObjectSource } from "#apiserver/contract.ts";
import type { AccessParts } from "#apiserver/server.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Authority } from "#pki/authority.ts";
import { serviceRange } from "#main/network/network-plan.ts";

/** Who may do what, from certificates and tokens to admission. */
export function accessParts(
  { objects, sink }: { readonly objects: ObjectSource; readonly sink: ObjectSink },
  parts: {
    readonly tokens: TokenSettings;
    readonly authority: Authority;
    readonly clock: Clock;
    readonly random: Random;
  },
): AccessParts {
  const { clock, random, authority } = parts;
  const tokens = new ServiceAccountTokens(parts.tokens, objects, clock);
  const authorization = createAuthorization(objects);
  const { authorizer } = authorization;
  return {
    authenticator: createAuthenticator({ tokens, objects, authorizer, clock }),
    authorizer,
    admission: admissionRules({
      objects,
      sink,
      authorization,
      clock,
      random,
      serviceRange,
      readCertificateRequest: (request) => authority.readRequest(request),
      protectsStorage: true,
    }),
    reviews: reviewHandlers({ tokens, objects, clock }, authorization),
  };
}
