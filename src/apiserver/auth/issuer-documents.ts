import type { Json, JsonObject } from "#api/object.ts";
import type { TokenSettings } from "./service-account-tokens.ts";

/** `/openid/v1/jwks`: the public keys, for whoever verifies tokens (`application/jwk-set+json`). */
export function keySetDocument(settings: TokenSettings): JsonObject {
  const jwk = Object.entries(settings.key.jwk).filter(([, value]) => typeof value === "string");
  return { keys: [Object.fromEntries(jwk) as { [key: string]: Json }] };
}

/**
 * `/.well-known/openid-configuration`. `keySetUrl` is where clients reach the document above:
 * `https://<advertised address>/openid/v1/jwks`.
 */
export function issuerDocument(settings: TokenSettings, keySetUrl: string): JsonObject {
  return {
    issuer: settings.issuer,
    jwks_uri: keySetUrl,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}
