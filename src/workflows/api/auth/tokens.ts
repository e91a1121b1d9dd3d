import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import type { Clock } from "#base/clock.ts";
import type { Queries } from "#sql/database.ts";
import { findAccount, type Account } from "#workflows/state/accounts.ts";
import { roles, type User } from "./roles.ts";

/** Airflow's `jwt_expiration_time` and `jwt_cli_expiration_time`. */
export const tokenLifetimeMs = 24 * 3_600_000;
export const commandTokenLifetimeMs = 3_600_000;

const audience = "gantry-workflows";

/** Issues and verifies the API's tokens: JWTs, signed with a key that only our own processes have. */
export class Tokens {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** @param key at least 32 bytes. */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  async issue(account: Account, lifetimeMs: number): Promise<string> {
    const now = Math.floor(this.#clock.now() / 1_000);
    return await new SignJWT({ role: account.role, changed: account.changedAt })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(account.name)
      .setAudience(audience)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + Math.floor(lifetimeMs / 1_000))
      .sign(this.#key);
  }

  /** Whom a token speaks for; undefined when it does not count, or its account changed since. */
  async verify(queries: Queries, token: string): Promise<User | undefined> {
    const claims = await this.#claims(token);
    if (claims === undefined) return undefined;
    const account = await findAccount(queries, claims.name);
    if (account?.changedAt !== claims.changed) return undefined;
    const role = roles.find((it) => it === account.role);
    return role === undefined ? undefined : { name: account.name, role };
  }

  async #claims(
    token: string,
  ): Promise<{ readonly name: string; readonly changed: number } | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["HS256"],
        audience,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ["exp", "sub"],
      });
      const changed = payload["changed"];
      const { sub } = payload;
      return sub === undefined || typeof changed !== "number" ? undefined : { name: sub, changed };
    } catch {
      return undefined;
    }
  }
}
