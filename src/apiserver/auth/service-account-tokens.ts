import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import { hash, randomUUID, type JsonWebKey, type KeyObject } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { ObjectSource, UserInfo } from "#apiserver/contract.ts";
import { BoundedMap } from "./bounded-map.ts";
import {
  claimsPayload,
  claimsUser,
  readClaims,
  staleClaims,
  type ServiceAccountClaims,
} from "./service-account-claims.ts";

/** The key of service account tokens; `openServiceAccountKey` of pki makes it. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly id: string;
  readonly jwk: JsonWebKey;
}

export interface TokenSettings {
  readonly key: SigningKey;
  /** `iss` of the tokens, and where their verifiers find the keys. */
  readonly issuer: string;
  /** `aud` of tokens that are meant for this API server. */
  readonly audiences: readonly string[];
}

/** The outcome for a token: whom it speaks for and to whom, or why it does not count. */
export type TokenVerdict =
  | { readonly user: UserInfo; readonly audiences: readonly string[]; readonly fault?: undefined }
  | { readonly fault: string };

/** Verified tokens that are remembered. A verification costs about 100 microseconds. */
const tokensMax = 4_096;

interface Verified {
  readonly claims: ServiceAccountClaims;
  readonly user: UserInfo;
}

/** Issues and verifies the tokens of service accounts: JWTs signed with ES256. */
export class ServiceAccountTokens {
  readonly settings: TokenSettings;
  readonly #objects: ObjectSource;
  readonly #clock: Clock;
  readonly #verified = new BoundedMap<string, Verified>(tokensMax);

  constructor(settings: TokenSettings, objects: ObjectSource, clock: Clock) {
    this.settings = settings;
    this.#objects = objects;
    this.#clock = clock;
  }

  /** Signs a token that is valid from now on. `lifetimeSeconds` is the caller's to limit. */
  async issue(
    about: Pick<ServiceAccountClaims, "namespace" | "serviceAccount" | "pod" | "secret" | "node">,
    audiences: readonly string[],
    lifetimeSeconds: number,
  ): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const now = Math.floor(this.#clock.now() / 1000);
    const expiresAt = now + lifetimeSeconds;
    const claims = {
      ...about,
      audiences,
      issuedAt: now,
      notBefore: now,
      expiresAt,
      id: randomUUID(),
    };
    const { key, issuer } = this.settings;
    const token = await new SignJWT(claimsPayload(claims, issuer))
      .setProtectedHeader({ alg: "ES256", kid: key.id })
      .sign(key.privateKey);
    return { token, expiresAt };
  }

  /**
   * Checks a token for any of `audiences`. A remembered token is held against the objects of now,
   * so it stops counting as soon as its service account or pod is gone. Undefined when the token
   * is not one of ours at all.
   */
  async verify(token: string, audiences: readonly string[]): Promise<TokenVerdict | undefined> {
    const key = hash("sha256", token, "base64url");
    let verified = this.#verified.get(key);
    if (verified === undefined) {
      if (issuerOf(token) !== this.settings.issuer) return undefined;
      verified = await this.#check(token);
      if (verified === undefined) return { fault: "invalid bearer token" };
      this.#verified.set(key, verified);
    }
    const stale = staleClaims(verified.claims, this.#objects, this.#clock.now());
    if (stale !== undefined) {
      this.#verified.delete(key);
      return { fault: `invalid bearer token: ${stale}` };
    }
    const common = audiences.filter((it) => verified.claims.audiences.includes(it));
    if (common.length === 0) {
      return { fault: "invalid bearer token: token audiences are not among the wanted ones" };
    }
    return { user: verified.user, audiences: common };
  }

  async #check(token: string): Promise<Verified | undefined> {
    const payload = await this.#payload(token);
    const claims = payload === undefined ? undefined : readClaims(payload);
    return claims === undefined ? undefined : { claims, user: claimsUser(claims) };
  }

  async #payload(token: string): Promise<JsonObject | undefined> {
    const { key, issuer } = this.settings;
    try {
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: ["ES256"],
        issuer,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ["exp", "sub", "aud"],
      });
      return payload as JsonObject;
    } catch {
      // Whatever is wrong with it, the answer is the same: 401 without a hint to a forger.
      return undefined;
    }
  }
}

/** The issuer that an unverified token claims; undefined when it is not a JWT. */
function issuerOf(token: string): string | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const payload = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString()) as Json;
    const issuer = isJsonObject(payload) ? payload["iss"] : undefined;
    return typeof issuer === "string" ? issuer : undefined;
  } catch {
    return undefined;
  }
}
